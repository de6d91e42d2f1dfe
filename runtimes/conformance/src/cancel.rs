//! A cancel aborts, and waits until the destructors have run.

use std::future::pending;
use std::thread;

use taktline_core::runtime::{Rt, Task};

use crate::Verdict;
use crate::support::{Count, HOUR, OnDrop, Slot, cases, ends, ms, park, parked, same, until, value};

cases!("cancel":
    says_aborted,
    waits_for_destructors,
    waits_for_a_slow_destructor,
    works_before_the_first_poll,
    works_on_a_sleeping_task,
    gives_the_value_of_a_finished_task,
    gives_the_panic_of_a_finished_task,
    aborts_even_if_it_is_not_polled,
    many_at_once,
    from_another_task,
    abort_then_await,
    abort_twice,
    abort_of_a_finished_task_has_no_effect,
    abort_of_itself_ends_at_the_next_await,
    abort_of_itself_lets_the_poll_end,
    abort_from_any_thread,
);

async fn says_aborted(rt: Rt) -> Verdict {
    let task = park(&rt, &Count::default()).await?;
    ends(task.cancel().await, "aborted")
}

async fn waits_for_destructors(rt: Rt) -> Verdict {
    for _ in 0..20 {
        let dropped = Count::default();
        let task = park(&rt, &dropped).await?;
        ends(task.cancel().await, "aborted")?;
        same("drops when the cancel is over", dropped.get(), 1)?;
    }
    Ok(())
}

async fn waits_for_a_slow_destructor(rt: Rt) -> Verdict {
    let (begun, dropped) = (Count::default(), Count::default());
    let (begin, end) = (begun.clone(), dropped.clone());
    let slow = OnDrop(move || {
        thread::sleep(ms(10));
        end.add();
    });
    let task = rt.spawn(async move {
        let _slow = slow;
        begin.add();
        pending::<()>().await;
    });
    until(&rt, "the task begins", || begun.get() == 1).await?;
    ends(task.cancel().await, "aborted")?;
    same("drops when the cancel is over", dropped.get(), 1)
}

async fn works_before_the_first_poll(rt: Rt) -> Verdict {
    let (begun, dropped) = (Count::default(), Count::default());
    for at in 1..=50 {
        ends(rt.spawn(parked(&begun, &dropped)).cancel().await, "aborted")?;
        same("drops when the cancel is over", dropped.get(), at)?;
    }
    Ok(())
}

async fn works_on_a_sleeping_task(rt: Rt) -> Verdict {
    let (inside, start) = (rt.clone(), rt.now());
    let task = rt.spawn(async move { inside.sleep(HOUR).await });
    rt.sleep(ms(2)).await;
    ends(task.cancel().await, "aborted")?;
    same("the cancel waited for the sleep", rt.now() - start >= HOUR, false)
}

async fn gives_the_value_of_a_finished_task(rt: Rt) -> Verdict {
    let task = rt.spawn(async { 4 });
    until(&rt, "the task ends", || task.is_finished()).await?;
    same("value", value(task.cancel().await)?, 4)
}

async fn gives_the_panic_of_a_finished_task(rt: Rt) -> Verdict {
    let task: Task<()> = rt.spawn(async { panic!("expected") });
    until(&rt, "the task ends", || task.is_finished()).await?;
    ends(task.cancel().await, "panicked")
}

async fn aborts_even_if_it_is_not_polled(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let cancel = park(&rt, &dropped).await?.cancel();
    drop(cancel);
    until(&rt, "the future is dropped", || dropped.get() == 1).await
}

async fn many_at_once(rt: Rt) -> Verdict {
    let (begun, dropped) = (Count::default(), Count::default());
    let tasks: Vec<_> = (0..100).map(|_| rt.spawn(parked(&begun, &dropped))).collect();
    tasks.iter().for_each(Task::abort);
    for task in tasks {
        ends(task.cancel().await, "aborted")?;
    }
    same("drops when all cancels are over", dropped.get(), 100)
}

async fn from_another_task(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    let outcome = value(rt.spawn(async move { task.cancel().await }).await)?;
    ends(outcome, "aborted")?;
    same("drops", dropped.get(), 1)
}

async fn abort_then_await(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    task.abort();
    ends(task.await, "aborted")?;
    same("drops", dropped.get(), 1)
}

async fn abort_twice(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    task.abort();
    task.abort();
    until(&rt, "the task is finished", || task.is_finished()).await?;
    task.abort();
    ends(task.await, "aborted")?;
    same("drops", dropped.get(), 1)
}

async fn abort_of_a_finished_task_has_no_effect(rt: Rt) -> Verdict {
    let task = rt.spawn(async { 6 });
    until(&rt, "the task ends", || task.is_finished()).await?;
    task.abort();
    same("value", value(task.await)?, 6)
}

/// Spawns a task that aborts itself, then goes on if it can.
async fn self_aborting(rt: &Rt, then: impl Future<Output = ()> + Send + 'static) -> Result<Task<()>, String> {
    let (slot, back, ready) = (Slot::<Task<()>>::new(), Slot::<Task<()>>::new(), Count::default());
    let (inside, own, returned, go) = (rt.clone(), slot.clone(), back.clone(), ready.clone());
    let task = rt.spawn(async move {
        while go.get() == 0 {
            inside.sleep(ms(1)).await;
        }
        if let Some(task) = own.take() {
            task.abort();
            returned.put(task);
        }
        then.await;
    });
    slot.put(task);
    ready.add();
    let kept = Slot::new();
    let is_back = || match back.take() {
        Some(task) => {
            kept.put(task);
            true
        }
        None => false,
    };
    until(rt, "the task aborts itself", is_back).await?;
    kept.take().ok_or_else(|| "the task is missing".to_owned())
}

async fn abort_of_itself_ends_at_the_next_await(rt: Rt) -> Verdict {
    let passed = Count::default();
    let (inside, pass) = (rt.clone(), passed.clone());
    let then = async move {
        inside.yield_now().await;
        pass.add();
    };
    ends(self_aborting(&rt, then).await?.await, "aborted")?;
    same("polls after the abort", passed.get(), 0)
}

async fn abort_of_itself_lets_the_poll_end(rt: Rt) -> Verdict {
    ends(self_aborting(&rt, async {}).await?.await, "value")
}

async fn abort_from_any_thread(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    let task = thread::spawn(move || {
        task.abort();
        task
    });
    let task = task.join().map_err(|_| "abort panicked on a thread")?;
    ends(task.await, "aborted")?;
    same("drops", dropped.get(), 1)
}
