//! When is something sent?

use super::*;
use crate::engine::gather::Room;
use crate::engine::pace::Pace;

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_pause_grows_until_somebody_flushes_and_is_short_again_then() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    let sent = stepped.flush(Input::Woken);
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        assert!(stepped.step(Input::Flushed(Err(Error::lost()))).is_empty());
        longest = longest.max(stepped.wait());
        let again = stepped.flush(Input::Timer);
        assert_eq!((again.sequence, &again.text), (sent.sequence, &sent.text));
    }
    assert!(longest >= 5_000 * MILLISECOND, "{longest:?}");
    stepped.step(Input::Flushed(Err(Error::lost())));
    let _flush = stepped.ask_flush(&runs[0]);
    assert!(
        stepped.step(Input::Woken).is_empty(),
        "it ends the pause at once"
    );
    let pause = stepped.wait();
    assert!(
        (25 * MILLISECOND..=50 * MILLISECOND).contains(&pause),
        "{pause:?}"
    );
    stepped.flush(Input::Timer);
    stepped.step(Input::Flushed(Err(Error::lost())));
    assert!(stepped.wait() <= 50 * MILLISECOND);
}

#[test]
fn a_step_before_the_end_of_a_pause_sends_nothing() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    stepped.flush(Input::Woken);
    stepped.step(Input::Flushed(Err(Error::lost())));
    for _ in 0..20 {
        stepped.now += MILLISECOND;
        assert!(stepped.step(Input::Woken).is_empty());
    }
}

#[test]
fn an_idle_engine_waits_for_nothing() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    assert!(stepped.is_idle());
    stepped.set(&runs[0], "n");
    let flush = stepped.flush(Input::Woken);
    let answer = stepped.answer(&flush);
    stepped.step(Input::Flushed(answer));
    assert!(stepped.is_idle());
}

#[test]
fn a_statement_under_way_past_the_end_of_a_shutdown_is_given_up() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    stepped.flush(Input::Woken);
    let (waiter, mut ended) = crate::buffer::waiter::Waiter::new();
    stepped.buffer.ask(crate::buffer::Request::Shutdown {
        within: Duration::from_secs(1),
        waiter,
    });
    assert!(stepped.step(Input::Woken).is_empty());
    assert_eq!(stepped.wait(), Duration::from_secs(1));
    assert!(matches!(
        stepped.step(Input::Timer).as_slice(),
        [Action::End]
    ));
    assert!(matches!(ended.try_recv(), Ok(Ok(()))));
}

#[test]
fn waiting_for_locks_takes_a_fifth_of_the_time() {
    let begun = Instant::now();
    let mut pace = Pace::new(&Settings::default(), begun);
    let (mut now, mut waited) = (begun, Duration::ZERO);
    while now < begun + Duration::from_secs(600) {
        let timeout = pace.lock_timeout(now);
        pace.waited(timeout);
        waited += timeout;
        now += timeout + 100 * MILLISECOND;
    }
    let most = (now - begun) / 5 + Duration::from_secs(1);
    assert!(waited <= most, "{waited:?}");
    now += Duration::from_secs(3600);
    assert_eq!(
        pace.lock_timeout(now),
        Duration::from_secs(1),
        "it saves up"
    );
}

#[test]
fn batches_become_small_on_a_slow_server_and_large_again() {
    let mut pace = Pace::new(&Settings::default(), Instant::now());
    let most = pace.room();
    let one = Room {
        operations: 1,
        bytes: 1,
    };
    pace.batch_took(MILLISECOND, one);
    for _ in 0..20 {
        pace.batch_took(500 * MILLISECOND, pace.room());
    }
    assert_eq!((pace.room().operations, pace.room().bytes), (500, 65_536));
    // Both bounds grow back.
    for _ in 0..20 {
        pace.batch_took(5 * MILLISECOND, pace.room());
    }
    assert_eq!(
        (pace.room().operations, pace.room().bytes),
        (most.operations, most.bytes)
    );
    // A few starts with large documents make the bytes fewer, and a flush beside them waits no longer.
    let large = Room {
        operations: 200,
        bytes: 4_000_000,
    };
    pace.batch_took(200 * MILLISECOND, large);
    assert!(pace.room().bytes <= 2_000_000);
}
