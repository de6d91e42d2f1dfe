//! Timers fire, not before their deadline; the clock goes on.

use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use taktline_core::runtime::{Instant, Rt, Sleep};

use crate::Verdict;
use crate::support::{HOUR, OnDrop, Slot, cases, ensure, ms, poll_once, same, value};

cases!("time":
    a_sleep_lasts_its_time,
    a_sleep_of_zero_is_over,
    a_past_deadline_is_over,
    a_deadline_is_kept,
    shorter_sleeps_end_first,
    many_sleep_at_once,
    a_dropped_sleep_is_harmless,
    a_sleep_moves_to_another_task,
    a_far_deadline_never_comes,
    a_reset_to_later_waits_on,
    a_reset_to_sooner_fires_sooner,
    a_reset_while_it_is_waited_for_is_heard,
    a_reset_wakes_who_has_polled_before,
    a_reset_after_it_has_fired_waits_again,
    a_reset_to_the_past_fires_at_once,
    a_reset_back_from_far_fires,
    a_timer_is_reset_many_times,
    a_timeout_is_over,
    a_timeout_gives_the_outcome_in_time,
    a_timeout_prefers_the_outcome,
    a_timeout_drops_its_future,
    the_clock_never_goes_back,
    the_clock_goes_on,
    the_clock_is_one_for_all_tasks,
);

/// Fails unless `time` has passed since `start`.
async fn lasts(rt: &Rt, start: Instant, time: Duration) -> Verdict {
    let passed = rt.now() - start;
    if passed >= time { Ok(()) } else { Err(format!("{passed:?} have passed instead of {time:?}")) }
}

/// Fails if the timer is ready now.
async fn still_waits(sleep: &mut Sleep) -> Verdict {
    ensure(poll_once(sleep).await.is_none(), "the timer fired before its deadline")
}

/// Fails unless the timer is ready within an hour.
async fn fires(rt: &Rt, sleep: &mut Sleep) -> Verdict {
    let start = rt.now();
    sleep.await;
    ensure(rt.now() - start < HOUR, "the timer fired hours too late")
}

async fn a_sleep_lasts_its_time(rt: Rt) -> Verdict {
    for time in [1, 3, 10] {
        let start = rt.now();
        rt.sleep(ms(time)).await;
        lasts(&rt, start, ms(time)).await?;
    }
    Ok(())
}

async fn a_sleep_of_zero_is_over(rt: Rt) -> Verdict {
    fires(&rt, &mut rt.sleep(Duration::ZERO)).await
}

async fn a_past_deadline_is_over(rt: Rt) -> Verdict {
    rt.sleep(ms(2)).await;
    fires(&rt, &mut rt.sleep_until(Instant::default())).await?;
    fires(&rt, &mut rt.sleep_until(rt.now() - ms(1))).await
}

async fn a_deadline_is_kept(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep_until(start + ms(5));
    same("deadline", sleep.deadline(), start + ms(5))?;
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(5)).await
}

/// Whoever is over at an instant, all with a sooner deadline are over too: that holds on the busiest machine.
async fn shorter_sleeps_end_first(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleeps: Vec<(u64, Option<Sleep>)> =
        [15, 3, 9].into_iter().map(|time| (time, Some(rt.sleep_until(start + ms(time))))).collect();
    poll_fn(|cx| {
        // From long to short.
        sleeps.sort_unstable_by_key(|(time, _)| std::cmp::Reverse(*time));
        let mut is_longer_over = false;
        for (time, sleep) in &mut sleeps {
            let is_over = sleep.as_mut().is_none_or(|sleep| Pin::new(sleep).poll(cx).is_ready());
            if is_over {
                *sleep = None;
            } else if is_longer_over {
                return Poll::Ready(Err(format!("a sleep of {time} ms outlasts a longer one")));
            }
            is_longer_over |= is_over;
        }
        if sleeps.iter().all(|(_, sleep)| sleep.is_none()) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    lasts(&rt, start, ms(15)).await
}

async fn many_sleep_at_once(rt: Rt) -> Verdict {
    let tasks: Vec<_> = (0..100_u64)
        .map(|at| {
            let inside = rt.clone();
            rt.spawn(async move {
                let start = inside.now();
                inside.sleep(ms(at % 10)).await;
                lasts(&inside, start, ms(at % 10)).await
            })
        })
        .collect();
    for task in tasks {
        value(task.await)??;
    }
    Ok(())
}

async fn a_dropped_sleep_is_harmless(rt: Rt) -> Verdict {
    let mut sleep = rt.sleep(ms(3));
    still_waits(&mut sleep).await?;
    drop(sleep);
    let start = rt.now();
    rt.sleep(ms(6)).await;
    lasts(&rt, start, ms(6)).await
}

async fn a_sleep_moves_to_another_task(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep(ms(10));
    still_waits(&mut sleep).await?;
    value(rt.spawn(sleep).await)?;
    lasts(&rt, start, ms(10)).await
}

async fn a_far_deadline_never_comes(rt: Rt) -> Verdict {
    let far = [Instant::from_epoch(Duration::MAX), rt.now() + Duration::MAX, rt.now() + HOUR * 24 * 365 * 20];
    for deadline in far {
        let mut sleep = rt.sleep_until(deadline);
        still_waits(&mut sleep).await?;
        rt.sleep(ms(2)).await;
        still_waits(&mut sleep).await?;
    }
    Ok(())
}

async fn a_reset_to_later_waits_on(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep(HOUR);
    still_waits(&mut sleep).await?;
    sleep.reset(start + ms(2));
    sleep.reset(start + ms(12));
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(12)).await
}

async fn a_reset_to_sooner_fires_sooner(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep(HOUR * 2);
    sleep.reset(start + ms(4));
    same("deadline", sleep.deadline(), start + ms(4))?;
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(4)).await
}

async fn a_reset_while_it_is_waited_for_is_heard(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep(HOUR * 2);
    still_waits(&mut sleep).await?;
    sleep.reset(start + ms(4));
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(4)).await
}

/// The timer is not polled between its reset and the new deadline.
async fn a_reset_wakes_who_has_polled_before(rt: Rt) -> Verdict {
    let start = rt.now();
    let mut sleep = rt.sleep(HOUR * 2);
    still_waits(&mut sleep).await?;
    sleep.reset(start + ms(4));
    let mut is_first = true;
    poll_fn(|cx| if std::mem::take(&mut is_first) { Poll::Pending } else { Pin::new(&mut sleep).poll(cx) }).await;
    lasts(&rt, start, ms(4)).await?;
    ensure(rt.now() - start < HOUR, "the timer fired hours too late")
}

async fn a_reset_after_it_has_fired_waits_again(rt: Rt) -> Verdict {
    let mut sleep = rt.sleep(ms(1));
    for _ in 0..3 {
        fires(&rt, &mut sleep).await?;
        let start = rt.now();
        sleep.reset(start + ms(5));
        fires(&rt, &mut sleep).await?;
        lasts(&rt, start, ms(5)).await?;
        sleep.reset(rt.now() + ms(1));
    }
    Ok(())
}

async fn a_reset_to_the_past_fires_at_once(rt: Rt) -> Verdict {
    rt.sleep(ms(1)).await;
    let mut sleep = rt.sleep(HOUR * 2);
    still_waits(&mut sleep).await?;
    sleep.reset(Instant::default());
    fires(&rt, &mut sleep).await
}

async fn a_reset_back_from_far_fires(rt: Rt) -> Verdict {
    let mut sleep = rt.sleep(Duration::MAX);
    still_waits(&mut sleep).await?;
    let start = rt.now();
    sleep.reset(start + ms(3));
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(3)).await?;
    sleep.reset(Instant::from_epoch(Duration::MAX));
    still_waits(&mut sleep).await
}

async fn a_timer_is_reset_many_times(rt: Rt) -> Verdict {
    let mut sleep = rt.sleep(HOUR * 2);
    for round in 0..200 {
        sleep.reset(rt.now() + HOUR + ms(round));
        still_waits(&mut sleep).await?;
    }
    let start = rt.now();
    sleep.reset(start + ms(2));
    fires(&rt, &mut sleep).await?;
    lasts(&rt, start, ms(2)).await
}

async fn a_timeout_is_over(rt: Rt) -> Verdict {
    let start = rt.now();
    ensure(rt.timeout(ms(5), pending::<()>()).await.is_err(), "an outcome of a future that is never ready")?;
    lasts(&rt, start, ms(5)).await?;
    ensure(rt.timeout(Duration::ZERO, pending::<()>()).await.is_err(), "an outcome within no time")
}

async fn a_timeout_gives_the_outcome_in_time(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let work = async move {
        inside.sleep(ms(2)).await;
        8
    };
    same("outcome", rt.timeout(HOUR, work).await, Ok(8))
}

async fn a_timeout_prefers_the_outcome(rt: Rt) -> Verdict {
    let task = rt.spawn(async { 9 });
    crate::support::until(&rt, "the task ends", || task.is_finished()).await?;
    same("outcome of a task", rt.timeout(Duration::ZERO, task).await.map(|outcome| outcome.ok()), Ok(Some(9)))?;
    same("outcome", rt.timeout(Duration::ZERO, ready(8)).await, Ok(8))
}

async fn a_timeout_drops_its_future(rt: Rt) -> Verdict {
    let (start, dropped_at) = (rt.now(), Slot::new());
    let (put, clock) = (dropped_at.clone(), rt.clone());
    let guard = OnDrop(move || put.put(clock.now()));
    let work = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    ensure(rt.timeout(ms(2), work).await.is_err(), "an outcome of a future that is never ready")?;
    let dropped_at = dropped_at.take().ok_or("the future is still there after the time")?;
    ensure(dropped_at - start >= ms(2), "the future was dropped before the time was over")
}

async fn the_clock_never_goes_back(rt: Rt) -> Verdict {
    let mut last = rt.now();
    for round in 0..2000 {
        if round % 100 == 0 {
            rt.yield_now().await;
        }
        let now = rt.now();
        ensure(now >= last, "the clock went back")?;
        last = now;
    }
    Ok(())
}

async fn the_clock_goes_on(rt: Rt) -> Verdict {
    let mut last = rt.now();
    for _ in 0..3 {
        rt.sleep(ms(2)).await;
        let now = rt.now();
        ensure(now - last >= ms(2), "the clock stood still")?;
        last = now;
    }
    Ok(())
}

async fn the_clock_is_one_for_all_tasks(rt: Rt) -> Verdict {
    rt.sleep(ms(2)).await;
    let (inside, outside, before) = (rt.clone(), rt.clone(), rt.now());
    let there = value(rt.spawn(async move { inside.now() }).await)?;
    ensure(there >= before, "a task that was spawned later is earlier")?;
    let thread = thread::spawn(move || outside.now()).join().map_err(|_| "now panicked on a thread")?;
    ensure(thread >= there, "another thread is earlier")?;
    ensure(rt.now() >= thread, "the clock is behind that of another thread")
}
