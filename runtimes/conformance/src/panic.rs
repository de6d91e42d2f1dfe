//! A panic is an error of its task, and of nothing else.

use std::panic::panic_any;

use taktline_core::runtime::{Rt, Task};

use crate::Verdict;
use crate::support::{Count, cases, ends, ms, park, same, until, value};

cases!("panic":
    is_a_typed_error,
    keeps_a_formatted_message,
    keeps_its_payload,
    may_come_after_waiting,
    drops_the_future_first,
    does_not_hurt_other_tasks,
    of_a_detached_task_is_harmless,
    of_a_child_is_told_to_its_parent,
    many_do_not_use_up_the_runtime,
);

async fn is_a_typed_error(rt: Rt) -> Verdict {
    let task: Task<()> = rt.spawn(async { panic!("expected") });
    let error = task.await.err().ok_or("a value after a panic")?;
    same("message", error.panic_message(), Some("expected"))?;
    ends::<()>(Err(error), "panicked")
}

async fn keeps_a_formatted_message(rt: Rt) -> Verdict {
    let number = 3;
    let task: Task<()> = rt.spawn(async move { panic!("number {number}") });
    let error = task.await.err().ok_or("a value after a panic")?;
    same("message", error.panic_message(), Some("number 3"))
}

async fn keeps_its_payload(rt: Rt) -> Verdict {
    let task: Task<()> = rt.spawn(async { panic_any(42_u32) });
    let error = task.await.err().ok_or("a value after a panic")?;
    let payload = error.into_panic().ok_or("no payload")?;
    same("payload", payload.downcast_ref::<u32>(), Some(&42))
}

async fn may_come_after_waiting(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task: Task<()> = rt.spawn(async move {
        inside.yield_now().await;
        inside.sleep(ms(1)).await;
        panic!("expected")
    });
    ends(task.await, "panicked")
}

async fn drops_the_future_first(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let guard = dropped.guard();
    let task: Task<()> = rt.spawn(std::future::poll_fn(move |_| {
        let _keep = &guard;
        panic!("expected")
    }));
    ends(task.await, "panicked")?;
    same("drops when the panic is told", dropped.get(), 1)
}

async fn does_not_hurt_other_tasks(rt: Rt) -> Verdict {
    let (inside, stays) = (rt.clone(), Count::default());
    let other = park(&rt, &stays).await?;
    let sleeping = rt.spawn(async move {
        inside.sleep(ms(5)).await;
        1
    });
    let task: Task<()> = rt.spawn(async { panic!("expected") });
    ends(task.await, "panicked")?;
    same("value of a sleeping task", value(sleeping.await)?, 1)?;
    same("value of a new task", value(rt.spawn(async { 2 }).await)?, 2)?;
    same("drops of the other task", stays.get(), 0)?;
    ends(other.cancel().await, "aborted")
}

async fn of_a_detached_task_is_harmless(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let guard = dropped.guard();
    let task: Task<()> = rt.spawn(async move {
        let _guard = guard;
        panic!("expected")
    });
    task.detach();
    until(&rt, "the task is gone", || dropped.get() == 1).await?;
    same("value of a new task", value(rt.spawn(async { 2 }).await)?, 2)
}

async fn of_a_child_is_told_to_its_parent(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let parent = rt.spawn(async move {
        let child: Task<()> = inside.spawn(async { panic!("expected") });
        child.await
    });
    ends(value(parent.await)?, "panicked")
}

async fn many_do_not_use_up_the_runtime(rt: Rt) -> Verdict {
    let tasks: Vec<Task<()>> = (0..40).map(|_| rt.spawn(async { panic!("expected") })).collect();
    for task in tasks {
        ends(task.await, "panicked")?;
    }
    same("value of a new task", value(rt.spawn(async { 2 }).await)?, 2)
}
