//! Tasks run, on their own, and give their value.

use std::thread;

use taktline_core::runtime::Rt;

use crate::Verdict;
use crate::support::{Count, HOUR, cases, ends, ensure, ms, park, same, until, value};

cases!("spawn":
    gives_its_value,
    runs_without_being_awaited,
    runs_on_after_waiting,
    many_all_run,
    nests,
    detached_runs_on,
    outlives_its_spawner,
    tasks_run_side_by_side,
    is_awaited_in_any_order,
    works_from_any_thread,
    tells_when_it_is_finished,
    keeps_a_large_future,
    random_numbers_differ,
    the_name_is_lower_case,
);

async fn gives_its_value(rt: Rt) -> Verdict {
    same("value", value(rt.spawn(async { 7 }).await)?, 7)
}

async fn runs_without_being_awaited(rt: Rt) -> Verdict {
    let ran = Count::default();
    let inside = ran.clone();
    let _task = rt.spawn(async move { inside.add() });
    until(&rt, "the task runs", || ran.get() == 1).await
}

async fn runs_on_after_waiting(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task = rt.spawn(async move {
        for _ in 0..10 {
            inside.yield_now().await;
        }
        inside.sleep(ms(1)).await;
        "end"
    });
    same("value", value(task.await)?, "end")
}

async fn many_all_run(rt: Rt) -> Verdict {
    let tasks: Vec<_> = (0..300_u32)
        .map(|at| {
            let inside = rt.clone();
            rt.spawn(async move {
                inside.yield_now().await;
                at
            })
        })
        .collect();
    for (at, task) in (0..).zip(tasks) {
        same("value", value(task.await)?, at)?;
    }
    Ok(())
}

async fn nests(rt: Rt) -> Verdict {
    let outer = rt.clone();
    let task = rt.spawn(async move {
        let inner = outer.clone();
        let task = outer.spawn(async move { inner.spawn(async { 3 }).await });
        task.await
    });
    same("value", value(value(value(task.await)?)?)?, 3)
}

async fn detached_runs_on(rt: Rt) -> Verdict {
    let (inside, ended) = (rt.clone(), Count::default());
    let end = ended.clone();
    rt.spawn(async move {
        inside.sleep(ms(3)).await;
        end.add();
    })
    .detach();
    until(&rt, "the detached task ends", || ended.get() == 1).await
}

async fn outlives_its_spawner(rt: Rt) -> Verdict {
    let (inside, ended) = (rt.clone(), Count::default());
    let end = ended.clone();
    let spawner = rt.spawn(async move {
        let child = inside.clone();
        let task = inside.spawn(async move {
            child.sleep(ms(2)).await;
            end.add();
        });
        task.detach();
    });
    value(spawner.await)?;
    until(&rt, "the child ends", || ended.get() == 1).await
}

async fn tasks_run_side_by_side(rt: Rt) -> Verdict {
    let arrived = Count::default();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (inside, arrived) = (rt.clone(), arrived.clone());
            rt.spawn(async move {
                arrived.add();
                until(&inside, "all tasks have arrived", || arrived.get() == 8).await
            })
        })
        .collect();
    for task in tasks {
        value(task.await)??;
    }
    Ok(())
}

async fn is_awaited_in_any_order(rt: Rt) -> Verdict {
    let mut tasks: Vec<_> = (0..20_u32).map(|at| rt.spawn(async move { at })).collect();
    for at in (0..20).rev() {
        let task = tasks.pop().ok_or("a task is missing")?;
        same("value", value(task.await)?, at)?;
    }
    Ok(())
}

async fn works_from_any_thread(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task = thread::spawn(move || inside.spawn(async { 5 })).join().map_err(|_| "spawn panicked on a thread")?;
    same("value", value(task.await)?, 5)
}

async fn tells_when_it_is_finished(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let sleeping = rt.spawn(async move { inside.sleep(HOUR).await });
    let ready = rt.spawn(async {});
    until(&rt, "the ready task is finished", || ready.is_finished()).await?;
    ensure(!sleeping.is_finished(), "a sleeping task says that it is finished")?;
    ends(sleeping.cancel().await, "aborted")
}

async fn keeps_a_large_future(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let task = rt.spawn(async move {
        let mut bytes = [1_u8; 16 * 1024];
        inside.yield_now().await;
        bytes[9] = 3;
        inside.yield_now().await;
        bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>()
    });
    same("sum", value(task.await)?, 16 * 1024 + 2)
}

async fn random_numbers_differ(rt: Rt) -> Verdict {
    let inside = rt.clone();
    let there = value(rt.spawn(async move { [inside.random(), inside.random()] }).await)?;
    let mut numbers: Vec<u64> = (0..100).map(|_| rt.random()).chain(there).collect();
    numbers.sort_unstable();
    numbers.dedup();
    same("different random numbers", numbers.len(), 102)
}

async fn the_name_is_lower_case(rt: Rt) -> Verdict {
    let name = rt.name();
    ensure(!name.is_empty() && !name.contains(char::is_uppercase), "the name is empty or not in lower case")?;
    let dropped = Count::default();
    let task = park(&rt, &dropped).await?;
    same("the name later", rt.name(), name)?;
    ends(task.cancel().await, "aborted")
}
