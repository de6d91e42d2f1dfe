//! Destructors run once, in the runtime, and may panic.

use std::future::{pending, poll_fn};
use std::task::Poll;

use taktline_core::runtime::{Rt, Task, current, spawn};

use crate::Verdict;
use crate::support::{Count, OnDrop, cases, ends, park, same, until, value};

cases!("destructor":
    panic_after_the_value_is_an_error,
    panic_in_an_aborted_task_is_an_error,
    panic_after_a_panic_is_an_error,
    panic_in_a_dropped_task_is_harmless,
    runs_once,
    runs_in_the_runtime,
    may_spawn,
    may_cancel_other_tasks,
    of_the_value_is_left_to_who_waits,
);

/// Panics when it is dropped.
fn bomb() -> OnDrop<impl FnMut() + Send> {
    OnDrop(|| panic!("expected in a destructor"))
}

/// A task that waits, and calls `f` when it is dropped.
async fn parked_with(rt: &Rt, f: impl FnMut() + Send + 'static) -> Result<Task<()>, String> {
    let (begun, guard) = (Count::default(), OnDrop(f));
    let begin = begun.clone();
    let task = rt.spawn(async move {
        let _guard = guard;
        begin.add();
        pending().await
    });
    until(rt, "the task begins", || begun.get() == 1).await?;
    Ok(task)
}

async fn panic_after_the_value_is_an_error(rt: Rt) -> Verdict {
    let bomb = bomb();
    let task = rt.spawn(poll_fn(move |_| {
        let _keep = &bomb;
        Poll::Ready(1)
    }));
    let error = task.await.err().ok_or("a value in spite of the panic")?;
    same("message", error.panic_message(), Some("expected in a destructor"))
}

async fn panic_in_an_aborted_task_is_an_error(rt: Rt) -> Verdict {
    let task = parked_with(&rt, || panic!("expected in a destructor")).await?;
    let error = task.cancel().await.err().ok_or("a value of an aborted task")?;
    same("message", error.panic_message(), Some("expected in a destructor"))
}

async fn panic_after_a_panic_is_an_error(rt: Rt) -> Verdict {
    let bomb = bomb();
    let task: Task<()> = rt.spawn(poll_fn(move |_| {
        let _keep = &bomb;
        panic!("expected")
    }));
    ends(task.await, "panicked")
}

async fn panic_in_a_dropped_task_is_harmless(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let count = dropped.clone();
    let bomb = move || {
        count.add();
        panic!("expected in a destructor")
    };
    drop(parked_with(&rt, bomb).await?);
    until(&rt, "the task is dropped", || dropped.get() == 1).await?;
    same("value of a new task", value(rt.spawn(async { 2 }).await)?, 2)
}

async fn runs_once(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let count = dropped.clone();
    let task = parked_with(&rt, move || count.add()).await?;
    task.abort();
    ends(task.cancel().await, "aborted")?;
    value(rt.spawn(async {}).await)?;
    same("drops", dropped.get(), 1)
}

async fn runs_in_the_runtime(rt: Rt) -> Verdict {
    let inside = Count::default();
    let (count, name) = (inside.clone(), rt.name());
    let look = move || {
        if current().is_some_and(|rt| rt.name() == name) {
            count.add();
        }
    };
    ends(parked_with(&rt, look).await?.cancel().await, "aborted")?;
    same("destructors with a current runtime", inside.get(), 1)
}

async fn may_spawn(rt: Rt) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    let task = parked_with(&rt, move || {
        let count = count.clone();
        spawn(async move { count.add() }).detach();
    });
    ends(task.await?.cancel().await, "aborted")?;
    until(&rt, "the task of the destructor runs", || ran.get() == 1).await
}

async fn may_cancel_other_tasks(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let mut other = Some(park(&rt, &dropped).await?);
    let task = parked_with(&rt, move || drop(other.take())).await?;
    ends(task.cancel().await, "aborted")?;
    until(&rt, "the other task is dropped", || dropped.get() == 1).await
}

async fn of_the_value_is_left_to_who_waits(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let guard = dropped.guard();
    let kept = value(rt.spawn(async move { guard }).await)?;
    same("drops while the value is held", dropped.get(), 0)?;
    drop(kept);
    same("drops after that", dropped.get(), 1)
}
