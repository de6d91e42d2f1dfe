//! A drop of a task aborts it, and its destructors run.

use std::future::pending;

use taktline_core::runtime::{Rt, Task};

use crate::Verdict;
use crate::support::{Count, HOUR, cases, ms, park, parked, same, until, value};

cases!("drop":
    aborts_a_parked_task,
    aborts_a_sleeping_task,
    aborts_a_task_that_yields,
    aborts_before_the_first_poll,
    stops_the_polls,
    aborts_the_children,
    drops_the_value,
    detached_value_is_dropped,
    happens_before_the_value_is_told,
    from_another_task,
);

async fn aborts_a_parked_task(rt: Rt) -> Verdict {
    let dropped = Count::default();
    drop(park(&rt, &dropped).await?);
    until(&rt, "the future is dropped", || dropped.get() == 1).await
}

async fn aborts_a_sleeping_task(rt: Rt) -> Verdict {
    let (inside, dropped, begun) = (rt.clone(), Count::default(), Count::default());
    let (guard, begin) = (dropped.guard(), begun.clone());
    let task = rt.spawn(async move {
        let _guard = guard;
        begin.add();
        inside.sleep(HOUR).await;
    });
    until(&rt, "the task begins", || begun.get() == 1).await?;
    drop(task);
    until(&rt, "the future is dropped", || dropped.get() == 1).await
}

async fn aborts_a_task_that_yields(rt: Rt) -> Verdict {
    let (inside, dropped, rounds) = (rt.clone(), Count::default(), Count::default());
    let (guard, round) = (dropped.guard(), rounds.clone());
    let task = rt.spawn(async move {
        let _guard = guard;
        loop {
            round.add();
            inside.sleep(ms(1)).await;
            inside.yield_now().await;
        }
    });
    until(&rt, "some rounds", || rounds.get() >= 3).await?;
    drop::<Task<()>>(task);
    until(&rt, "the future is dropped", || dropped.get() == 1).await
}

async fn aborts_before_the_first_poll(rt: Rt) -> Verdict {
    let (begun, dropped) = (Count::default(), Count::default());
    for _ in 0..50 {
        drop(rt.spawn(parked(&begun, &dropped)));
    }
    until(&rt, "all futures are dropped", || dropped.get() == 50).await
}

async fn stops_the_polls(rt: Rt) -> Verdict {
    let (inside, dropped, rounds) = (rt.clone(), Count::default(), Count::default());
    let (guard, round) = (dropped.guard(), rounds.clone());
    let task = rt.spawn(async move {
        let _guard = guard;
        loop {
            round.add();
            inside.sleep(ms(1)).await;
        }
    });
    until(&rt, "the task begins", || rounds.get() > 0).await?;
    drop::<Task<()>>(task);
    until(&rt, "the future is dropped", || dropped.get() == 1).await?;
    let before = rounds.get();
    rt.sleep(ms(8)).await;
    same("rounds after the drop", rounds.get(), before)
}

async fn aborts_the_children(rt: Rt) -> Verdict {
    let (inside, begun, dropped) = (rt.clone(), Count::default(), Count::default());
    let (begin, guard) = (begun.clone(), dropped.clone());
    let parent = rt.spawn(async move {
        let _children = [inside.spawn(parked(&begin, &guard)), inside.spawn(parked(&begin, &guard))];
        pending::<()>().await;
    });
    until(&rt, "the children begin", || begun.get() == 2).await?;
    drop(parent);
    until(&rt, "the children are dropped", || dropped.get() == 2).await
}

async fn drops_the_value(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let guard = dropped.guard();
    let task = rt.spawn(async move { guard });
    until(&rt, "the task ends", || task.is_finished()).await?;
    same("drops while the task is held", dropped.get(), 0)?;
    drop(task);
    until(&rt, "the value is dropped", || dropped.get() == 1).await
}

async fn detached_value_is_dropped(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let guard = dropped.guard();
    rt.spawn(async move { guard }).detach();
    until(&rt, "the value is dropped", || dropped.get() == 1).await
}

async fn happens_before_the_value_is_told(rt: Rt) -> Verdict {
    for _ in 0..20 {
        let (inside, dropped) = (rt.clone(), Count::default());
        let guard = dropped.guard();
        let task = rt.spawn(std::future::poll_fn(move |_| {
            let _keep = (&guard, &inside);
            std::task::Poll::Ready(1)
        }));
        value(task.await)?;
        same("drops once the value is told", dropped.get(), 1)?;
    }
    Ok(())
}

async fn from_another_task(rt: Rt) -> Verdict {
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    value(rt.spawn(async move { drop(task) }).await)?;
    until(&rt, "the future is dropped", || dropped.get() == 1).await
}
