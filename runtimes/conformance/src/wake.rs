//! Wakers wake, from anywhere, and are harmless when their task is gone.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use taktline_core::runtime::{Rt, Task};

use crate::Verdict;
use crate::support::{Count, Slot, cases, ends, ensure, own_waker, same, until, value};

cases!("wake":
    works_from_any_thread,
    works_within_the_poll,
    works_many_times,
    twice_is_as_good_as_once,
    a_clone_wakes,
    after_the_end_is_harmless,
    after_an_abort_is_harmless,
    a_waker_that_is_dropped_wakes_nobody,
    who_waits_last_is_woken,
    yielding_lets_others_run,
    the_main_future_is_woken,
    the_main_future_yields,
);

/// A task that puts its waker into the slot at each poll, until it is told to end.
fn waiting(rt: &Rt, slot: &Slot<Waker>, go: &Count, polls: &Count) -> Task<()> {
    let (slot, go, polls) = (slot.clone(), go.clone(), polls.clone());
    rt.spawn(poll_fn(move |cx| {
        slot.put(cx.waker().clone());
        polls.add();
        if go.get() > 0 { Poll::Ready(()) } else { Poll::Pending }
    }))
}

struct Waiting {
    task: Task<()>,
    waker: Waker,
    go: Count,
    polls: Count,
}

async fn wait(rt: &Rt) -> Result<Waiting, String> {
    let (slot, go, polls) = (Slot::new(), Count::default(), Count::default());
    let task = waiting(rt, &slot, &go, &polls);
    until(rt, "the task is polled", || polls.get() > 0).await?;
    let waker = slot.take().ok_or("no waker")?;
    Ok(Waiting { task, waker, go, polls })
}

async fn works_from_any_thread(rt: Rt) -> Verdict {
    let Waiting { task, waker, go, .. } = wait(&rt).await?;
    go.add();
    thread::spawn(move || waker.wake()).join().map_err(|_| "wake panicked on a thread")?;
    ends(task.await, "value")
}

async fn works_within_the_poll(rt: Rt) -> Verdict {
    let mut left = 100;
    let task = rt.spawn(poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    ends(task.await, "value")
}

async fn works_many_times(rt: Rt) -> Verdict {
    let (slot, go, polls) = (Slot::new(), Count::default(), Count::default());
    let task = waiting(&rt, &slot, &go, &polls);
    until(&rt, "the first poll", || polls.get() > 0).await?;
    let mut waker = slot.take().ok_or("no waker")?;
    for _ in 0..20 {
        let before = polls.get();
        waker.wake_by_ref();
        until(&rt, "one more poll", || polls.get() > before).await?;
        waker = slot.take().unwrap_or(waker);
    }
    go.add();
    waker.wake();
    ends(task.await, "value")
}

async fn twice_is_as_good_as_once(rt: Rt) -> Verdict {
    let Waiting { task, waker, go, polls } = wait(&rt).await?;
    let before = polls.get();
    waker.wake_by_ref();
    waker.wake_by_ref();
    until(&rt, "one more poll", || polls.get() > before).await?;
    go.add();
    waker.wake_by_ref();
    waker.wake();
    ends(task.await, "value")
}

async fn a_clone_wakes(rt: Rt) -> Verdict {
    let Waiting { task, waker, go, .. } = wait(&rt).await?;
    let clone = waker.clone();
    drop(waker);
    go.add();
    clone.wake_by_ref();
    ends(task.await, "value")
}

async fn after_the_end_is_harmless(rt: Rt) -> Verdict {
    let task = rt.spawn(own_waker());
    let waker = value(task.await)?;
    waker.wake_by_ref();
    same("value of a new task", value(rt.spawn(async { 2 }).await)?, 2)?;
    waker.wake();
    same("value of a new task", value(rt.spawn(async { 3 }).await)?, 3)
}

async fn after_an_abort_is_harmless(rt: Rt) -> Verdict {
    let Waiting { task, waker, polls, .. } = wait(&rt).await?;
    ends(task.cancel().await, "aborted")?;
    let before = polls.get();
    waker.wake_by_ref();
    value(rt.spawn(async {}).await)?;
    waker.wake();
    value(rt.spawn(async {}).await)?;
    same("polls after the abort", polls.get(), before)
}

async fn a_waker_that_is_dropped_wakes_nobody(rt: Rt) -> Verdict {
    let Waiting { task, waker, .. } = wait(&rt).await?;
    drop(waker);
    value(rt.spawn(async {}).await)?;
    ensure(!task.is_finished(), "a task ended on its own")?;
    ends(task.cancel().await, "aborted")
}

async fn who_waits_last_is_woken(rt: Rt) -> Verdict {
    let Waiting { mut task, waker, go, .. } = wait(&rt).await?;
    let is_pending = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())).is_pending();
    ensure(is_pending, "a task ended on its own")?;
    let begun = Count::default();
    let begin = begun.clone();
    let waits = rt.spawn(async move {
        begin.add();
        task.await
    });
    until(&rt, "somebody waits", || begun.get() == 1).await?;
    go.add();
    waker.wake();
    ends(value(waits.await)?, "value")
}

async fn yielding_lets_others_run(rt: Rt) -> Verdict {
    let turn = Count::default();
    let player = |parity: usize| {
        let (inside, turn) = (rt.clone(), turn.clone());
        rt.spawn(async move {
            for _ in 0..50 {
                while turn.get() % 2 != parity {
                    inside.yield_now().await;
                }
                turn.add();
            }
        })
    };
    let (even, odd) = (player(0), player(1));
    ends(even.await, "value")?;
    ends(odd.await, "value")?;
    same("turns", turn.get(), 100)
}

async fn the_main_future_is_woken(rt: Rt) -> Verdict {
    let (waker, told) = (own_waker().await, Count::default());
    let (tell, inside) = (told.clone(), rt.clone());
    let _task = rt.spawn(async move {
        inside.yield_now().await;
        tell.add();
        waker.wake();
        pending::<()>().await;
    });
    poll_fn(|_| if told.get() > 0 { Poll::Ready(()) } else { Poll::Pending }).await;
    Ok(())
}

async fn the_main_future_yields(rt: Rt) -> Verdict {
    let ran = Count::default();
    let count = ran.clone();
    let _task = rt.spawn(async move { count.add() });
    for _ in 0..5_000_000 {
        if ran.get() > 0 {
            return Ok(());
        }
        rt.yield_now().await;
    }
    Err("no other task ran in millions of rounds".to_owned())
}
