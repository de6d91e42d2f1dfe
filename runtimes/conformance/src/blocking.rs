//! Blocking calls run to their end, or never begin.

use std::thread;

use taktline_core::runtime::{Rt, Task, spawn, spawn_blocking};

use crate::Verdict;
use crate::support::{Count, cases, ends, ms, same, until, value};

cases!("blocking":
    gives_its_value,
    panic_is_a_typed_error,
    panic_does_not_hurt_other_calls,
    many_all_run,
    detached_runs,
    runs_without_being_awaited,
    begun_goes_on_after_a_drop,
    begun_gives_its_value_in_spite_of_a_cancel,
    cancel_tells_whether_it_began,
    cancel_waits_for_its_destructors,
    dropped_at_once_leaves_nothing,
    nests,
    works_from_any_thread,
);

async fn gives_its_value(rt: Rt) -> Verdict {
    let task = rt.spawn_blocking(|| {
        thread::sleep(ms(1));
        7
    });
    same("value", value(task.await)?, 7)
}

async fn panic_is_a_typed_error(rt: Rt) -> Verdict {
    let task: Task<()> = rt.spawn_blocking(|| panic!("expected"));
    let error = task.await.err().ok_or("a value after a panic")?;
    same("message", error.panic_message(), Some("expected"))
}

async fn panic_does_not_hurt_other_calls(rt: Rt) -> Verdict {
    for _ in 0..5 {
        let task: Task<()> = rt.spawn_blocking(|| panic!("expected"));
        ends(task.await, "panicked")?;
    }
    same("value", value(rt.spawn_blocking(|| 3).await)?, 3)
}

async fn many_all_run(rt: Rt) -> Verdict {
    let tasks: Vec<_> = (0..50_u32).map(|at| rt.spawn_blocking(move || at)).collect();
    for (at, task) in (0..).zip(tasks) {
        same("value", value(task.await)?, at)?;
    }
    Ok(())
}

async fn detached_runs(rt: Rt) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    rt.spawn_blocking(move || count.add()).detach();
    until(&rt, "the call runs", || ran.get() == 1).await
}

async fn runs_without_being_awaited(rt: Rt) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    let task = rt.spawn_blocking(move || count.add());
    until(&rt, "the call ends", || task.is_finished()).await?;
    same("calls", ran.get(), 1)
}

/// A call that has begun and takes a while.
async fn begun(rt: &Rt, ended: &Count) -> Result<Task<u32>, String> {
    let (begun, end) = (Count::default(), ended.clone());
    let begin = begun.clone();
    let task = rt.spawn_blocking(move || {
        begin.add();
        thread::sleep(ms(10));
        end.add();
        5
    });
    until(rt, "the call begins", || begun.get() == 1).await?;
    Ok(task)
}

async fn begun_goes_on_after_a_drop(rt: Rt) -> Verdict {
    let ended = Count::default();
    drop(begun(&rt, &ended).await?);
    until(&rt, "the call ends", || ended.get() == 1).await
}

async fn begun_gives_its_value_in_spite_of_a_cancel(rt: Rt) -> Verdict {
    let ended = Count::default();
    let task = begun(&rt, &ended).await?;
    same("value", value(task.cancel().await)?, 5)?;
    same("ends", ended.get(), 1)
}

async fn cancel_tells_whether_it_began(rt: Rt) -> Verdict {
    for _ in 0..100 {
        let ran = Count::default();
        let count = ran.clone();
        let outcome = rt.spawn_blocking(move || count.add()).cancel().await;
        let has_begun = outcome.is_ok();
        ends(outcome, if has_begun { "value" } else { "aborted" })?;
        same("calls", ran.get(), usize::from(has_begun))?;
    }
    Ok(())
}

async fn cancel_waits_for_its_destructors(rt: Rt) -> Verdict {
    for _ in 0..50 {
        let dropped = Count::default();
        let guard = dropped.guard();
        let task = rt.spawn_blocking(move || drop(guard));
        // A value or aborted: both are fine.
        let outcome = task.cancel().await;
        same("lost", outcome.is_err_and(|error| !error.is_aborted()), false)?;
        same("drops when the cancel is over", dropped.get(), 1)?;
    }
    Ok(())
}

async fn dropped_at_once_leaves_nothing(rt: Rt) -> Verdict {
    let (ran, gone) = (Count::default(), Count::default());
    for _ in 0..50 {
        let (count, guard) = (ran.clone(), gone.guard());
        drop(rt.spawn_blocking(move || {
            let _guard = guard;
            count.add();
        }));
    }
    until(&rt, "all calls are gone", || gone.get() == 50).await?;
    let before = ran.get();
    rt.sleep(ms(3)).await;
    same("calls that began later", ran.get(), before)
}

async fn nests(rt: Rt) -> Verdict {
    let task = rt.spawn_blocking(|| spawn(async { spawn_blocking(|| 2).await }));
    same("value", value(value(value(task.await)?.await)?)?, 2)
}

async fn works_from_any_thread(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task = thread::spawn(move || inside.spawn_blocking(|| 5)).join();
    same("value", value(task.map_err(|_| "spawn_blocking panicked on a thread")?.await)?, 5)
}
