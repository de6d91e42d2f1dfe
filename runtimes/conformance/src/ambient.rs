//! The current runtime is there in tasks, calls and destructors, and nowhere else.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use taktline_core::runtime::{Rt, Task, current, now, sleep, sleep_until, spawn, spawn_blocking, timeout};

use crate::Verdict;
use crate::support::{Count, cases, ends, ensure, ms, park, same, until, value};

cases!("ambient":
    is_there_in_the_main_future,
    is_there_in_a_task,
    is_there_after_waiting,
    is_there_in_a_nested_task,
    is_there_in_a_blocking_call,
    is_there_in_an_unfinished_call_that_is_dropped,
    is_absent_on_a_foreign_thread,
    a_scope_lends_it_and_takes_it_back,
    a_scope_takes_it_back_after_a_panic,
    an_entered_future_has_it_on_any_thread,
    the_free_functions_use_it,
    tasks_are_spawned_by_the_free_function,
);

fn name() -> Option<&'static str> {
    current().map(|rt| rt.name())
}

async fn is_there_in_the_main_future(rt: Rt) -> Verdict {
    same("current", name(), Some(rt.name()))?;
    rt.sleep(ms(1)).await;
    same("current after a sleep", name(), Some(rt.name()))
}

async fn is_there_in_a_task(rt: Rt) -> Verdict {
    same("current", value(rt.spawn(async { name() }).await)?, Some(rt.name()))
}

async fn is_there_after_waiting(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task = rt.spawn(async move {
        inside.yield_now().await;
        let first = name();
        inside.sleep(ms(2)).await;
        let second = name();
        let third = inside.spawn_blocking(name).await;
        (first, second, third.ok().flatten(), name())
    });
    let expected = Some(rt.name());
    same("current", value(task.await)?, (expected, expected, expected, expected))
}

async fn is_there_in_a_nested_task(rt: Rt) -> Verdict {
    let task = rt.spawn(async { spawn(async { spawn(async { name() }).await }).await });
    same("current", value(value(value(task.await)?)?)?, Some(rt.name()))
}

async fn is_there_in_a_blocking_call(rt: Rt) -> Verdict {
    same("current", value(rt.spawn_blocking(name).await)?, Some(rt.name()))
}

async fn is_there_in_an_unfinished_call_that_is_dropped(rt: Rt) -> Verdict {
    struct Look(Count);
    impl Drop for Look {
        fn drop(&mut self) {
            if current().is_some() {
                self.0.add();
            }
        }
    }
    let seen = Count::default();
    for at in 1..=20 {
        let look = Look(seen.clone());
        let outcome = rt.spawn_blocking(move || drop(look)).cancel().await;
        same("lost", outcome.is_err_and(|error| !error.is_aborted()), false)?;
        same("destructors with a current runtime", seen.get(), at)?;
    }
    Ok(())
}

async fn is_absent_on_a_foreign_thread(rt: Rt) -> Verdict {
    let held = park(&rt, &Count::default()).await?;
    let there = thread::spawn(|| current().is_some()).join().map_err(|_| "current panicked on a thread")?;
    ensure(!there, "a thread of its own has a current runtime")?;
    ends(held.cancel().await, "aborted")
}

async fn a_scope_lends_it_and_takes_it_back(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let seen = thread::spawn(move || {
        let (lent, task) = inside.scope(|| (name(), spawn(async { 4 })));
        (lent, task, name())
    });
    let (lent, task, after) = seen.join().map_err(|_| "a scope panicked on a thread")?;
    same("current in the scope", lent, Some(rt.name()))?;
    same("current after the scope", after, None)?;
    same("value", value(task.await)?, 4)
}

async fn a_scope_takes_it_back_after_a_panic(rt: Rt) -> Verdict {
    let task: Task<()> = rt.spawn(async { panic!("expected") });
    ends(task.await, "panicked")?;
    let inside = rt.clone();
    let after = thread::spawn(move || {
        let caught = catch_unwind(AssertUnwindSafe(|| inside.scope(|| panic!("expected"))));
        (caught.is_err(), name())
    });
    same("after a panic", after.join().map_err(|_| "a panic was not caught")?, (true, None))
}

async fn an_entered_future_has_it_on_any_thread(rt: Rt) -> Verdict {
    let entered = rt.enter(async { (name(), spawn(async { 6 })) });
    let there = thread::spawn(move || crate::support::at_once(entered)).join();
    let (seen, task) = there.map_err(|_| "an entered future panicked")?.ok_or("an entered future is not ready")?;
    same("current", seen, Some(rt.name()))?;
    same("value", value(task.await)?, 6)
}

async fn the_free_functions_use_it(rt: Rt) -> Verdict {
    let task = rt.spawn(async {
        let start = now();
        sleep(ms(2)).await;
        sleep_until(start + ms(4)).await;
        let is_over = timeout(ms(2), pending::<()>()).await.is_err();
        (is_over, now() - start >= ms(6), spawn_blocking(|| 3).await.ok())
    });
    same("over, lasted, value", value(task.await)?, (true, true, Some(3)))
}

async fn tasks_are_spawned_by_the_free_function(rt: Rt) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    let task = rt.spawn(async move {
        for _ in 0..10 {
            let count = count.clone();
            spawn(async move { count.add() }).detach();
        }
    });
    value(task.await)?;
    until(&rt, "all tasks run", || ran.get() == 10).await
}
