//! A runtime that shuts down drops its tasks, and they say so.

use std::future::pending;

use taktline_core::runtime::Task;

use crate::support::{Count, HOUR, OnDrop, Slot, at_once, ends, ms, own_waker, parked, same, until, value};
use crate::{Case, Host, Verdict};

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn cases() -> Vec<Case> {
            vec![$(Case::around("shutdown", stringify!($name), $name)),+]
        }
    };
}

cases!(
    tasks_stay_between_two_runs,
    a_parked_task_is_lost,
    a_sleeping_task_is_lost,
    an_aborted_task_stays_aborted,
    a_finished_task_keeps_its_value,
    destructors_run,
    a_panic_in_a_destructor_is_told,
    a_destructor_may_spawn,
    children_are_dropped,
    a_task_spawned_later_is_lost,
    a_blocking_call_made_later_is_lost,
    wakers_are_harmless_later,
    handles_are_harmless_later,
);

type Boxed = Box<dyn Host>;

/// Runs the runtime until `count` is at least `least`.
fn run_until(host: &Boxed, what: &'static str, count: &Count, least: usize) -> Verdict {
    let (rt, count) = (host.rt(), count.clone());
    host.block_on(Box::pin(async move { until(&rt, what, || count.get() >= least).await }))
}

/// A task that has begun and waits.
fn park(host: &Boxed, dropped: &Count) -> Result<Task<()>, String> {
    let begun = Count::default();
    let task = host.rt().spawn(parked(&begun, dropped));
    run_until(host, "the task begins", &begun, 1)?;
    Ok(task)
}

/// How `task` has ended, now that nothing runs it any more.
fn ended<T: Send + 'static>(task: Task<T>, expected: &str) -> Verdict {
    ends(at_once(task).ok_or("the task still waits after the shutdown")?, expected)
}

fn tasks_stay_between_two_runs(host: Boxed) -> Verdict {
    let (rt, ran, dropped) = (host.rt(), Count::default(), Count::default());
    let task = park(&host, &dropped)?;
    let (count, inside) = (ran.clone(), rt.clone());
    let sleeping = rt.spawn(async move {
        inside.sleep(ms(5)).await;
        count.add();
        2
    });
    host.block_on(Box::pin(async { Ok(()) }))?;
    run_until(&host, "a task of before ends", &ran, 1)?;
    host.block_on(Box::pin(async move { same("value", value(sleeping.await)?, 2) }))?;
    same("drops before the shutdown", dropped.get(), 0)?;
    host.shutdown();
    ended(task, "lost")
}

fn a_parked_task_is_lost(host: Boxed) -> Verdict {
    let task = park(&host, &Count::default())?;
    host.shutdown();
    ended(task, "lost")
}

fn a_sleeping_task_is_lost(host: Boxed) -> Verdict {
    let (rt, begun) = (host.rt(), Count::default());
    let count = begun.clone();
    let task = host.rt().spawn(async move {
        count.add();
        rt.sleep(HOUR).await;
    });
    run_until(&host, "the task begins", &begun, 1)?;
    host.shutdown();
    ended(task, "lost")
}

fn an_aborted_task_stays_aborted(host: Boxed) -> Verdict {
    let dropped = Count::default();
    let task = park(&host, &dropped)?;
    task.abort();
    host.shutdown();
    same("drops", dropped.get(), 1)?;
    ended(task, "aborted")
}

fn a_finished_task_keeps_its_value(host: Boxed) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    let task = host.rt().spawn(async move {
        count.add();
        3
    });
    run_until(&host, "the task runs", &ran, 1)?;
    host.shutdown();
    ended(task, "value")
}

fn destructors_run(host: Boxed) -> Verdict {
    let dropped = Count::default();
    let tasks: Vec<_> = (0..10).map(|_| park(&host, &dropped)).collect::<Result<_, _>>()?;
    tasks.into_iter().for_each(Task::detach);
    same("drops before the shutdown", dropped.get(), 0)?;
    host.shutdown();
    same("drops", dropped.get(), 10)
}

/// A task that has begun and calls `f` when it is dropped.
fn park_with(host: &Boxed, f: impl FnMut() + Send + 'static) -> Result<Task<()>, String> {
    let (begun, guard) = (Count::default(), OnDrop(f));
    let begin = begun.clone();
    let task = host.rt().spawn(async move {
        let _guard = guard;
        begin.add();
        pending().await
    });
    run_until(host, "the task begins", &begun, 1)?;
    Ok(task)
}

fn a_panic_in_a_destructor_is_told(host: Boxed) -> Verdict {
    let task = park_with(&host, || panic!("expected in a destructor"))?;
    let other = park(&host, &Count::default())?;
    host.shutdown();
    ended(task, "panicked")?;
    ended(other, "lost")
}

fn a_destructor_may_spawn(host: Boxed) -> Verdict {
    let (rt, begun, dropped) = (host.rt(), Count::default(), Count::default());
    let (begin, count) = (begun.clone(), dropped.clone());
    let task = park_with(&host, move || rt.spawn(parked(&begin, &count)).detach())?;
    host.shutdown();
    ended(task, "lost")?;
    same("drops of the task of the destructor", dropped.get(), 1)
}

fn children_are_dropped(host: Boxed) -> Verdict {
    let (rt, begun, dropped) = (host.rt(), Count::default(), Count::default());
    let (begin, count) = (begun.clone(), dropped.clone());
    let parent = host.rt().spawn(async move {
        let _child = rt.spawn(parked(&begin, &count));
        pending::<()>().await;
    });
    run_until(&host, "the child begins", &begun, 1)?;
    host.shutdown();
    ended(parent, "lost")?;
    same("drops of the child", dropped.get(), 1)
}

fn a_task_spawned_later_is_lost(host: Boxed) -> Verdict {
    let (rt, begun, dropped) = (host.rt(), Count::default(), Count::default());
    host.shutdown();
    let task = rt.spawn(parked(&begun, &dropped));
    ended(task, "lost")?;
    same("polls", begun.get(), 0)?;
    same("drops", dropped.get(), 1)
}

fn a_blocking_call_made_later_is_lost(host: Boxed) -> Verdict {
    let (rt, ran) = (host.rt(), Count::default());
    host.shutdown();
    let count = ran.clone();
    ended(rt.spawn_blocking(move || count.add()), "lost")?;
    same("calls", ran.get(), 0)
}

fn wakers_are_harmless_later(host: Boxed) -> Verdict {
    let (slot, begun) = (Slot::new(), Count::default());
    let (put, begin) = (slot.clone(), begun.clone());
    let task = host.rt().spawn(async move {
        put.put(own_waker().await);
        begin.add();
        pending::<()>().await;
    });
    run_until(&host, "the task begins", &begun, 1)?;
    let waker = slot.take().ok_or("no waker")?;
    host.shutdown();
    waker.wake_by_ref();
    ended(task, "lost")?;
    waker.wake();
    Ok(())
}

fn handles_are_harmless_later(host: Boxed) -> Verdict {
    let (rt, dropped) = (host.rt(), Count::default());
    let (one, two) = (park(&host, &dropped)?, park(&host, &dropped)?);
    let timer = rt.sleep(HOUR);
    let start = rt.now();
    host.shutdown();
    same("drops", dropped.get(), 2)?;
    one.abort();
    same("finished", one.is_finished(), true)?;
    drop((one, timer));
    two.detach();
    same("the clock went back", rt.now() < start, false)
}
