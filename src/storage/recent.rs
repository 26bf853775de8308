//! Values made a moment ago, kept in this process up to a budget of memory. Of several callers one makes a value, and the others get the old one, or wait
//! for the first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::future::Cache as Moka;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How much longer than its lifetime a value is shown to others while one caller makes it anew. A rendering that takes longer is a failure of an engine.
const STALE: Duration = Duration::from_secs(30);
/// Longest wait for a value that another caller makes; whoever waited for longer makes it as well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Values made a moment ago.
pub struct Recent<T> {
    values: Moka<String, Arc<Made<T>>>,
    lifetime: Duration,
    /// What is being made.
    doors: Doors,
}

struct Made<T> {
    value: Arc<T>,
    weight: u32,
    at: Instant,
}

type Doors = Arc<Mutex<HashMap<String, Arc<Door>>>>;

/// Before a value that is being made stand those who wait for it.
struct Door {
    /// Closed when nobody makes the value any more; has no permits.
    ended: Semaphore,
    /// Whether it was made, and not given up.
    is_done: AtomicBool,
}

/// What a caller finds.
pub enum Found<T> {
    /// A value.
    Kept(Arc<T>),
    /// None: the caller is to make it.
    ToMake(Turn),
}

/// The turn to make a value. While it is held, others wait for the value or get the old one. Dropped without [`Turn::done`], it goes to one of them.
pub struct Turn(Option<Making>);

struct Making {
    doors: Doors,
    key: String,
    door: Arc<Door>,
}

impl Turn {
    /// The value was made; those who waited take it when it was kept, and make their own when it was not one to keep.
    pub fn done(self) {
        if let Some(making) = &self.0 {
            making.door.is_done.store(true, Ordering::Release);
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.door.ended.close();
    }
}

impl<T: Send + Sync + 'static> Recent<T> {
    /// Keeps values for `lifetime`, and for half a minute more while one caller makes a value anew; `budget` is the sum of all weights.
    pub fn new(budget: u64, lifetime: Duration) -> Recent<T> {
        let values =
            Moka::builder().max_capacity(budget).weigher(|_, made: &Arc<Made<T>>| made.weight).time_to_live(lifetime + STALE).build();
        Recent { values, lifetime, doors: Doors::default() }
    }

    /// The value under a key, or the turn to make it: to the first caller when there is none or when it has outlived its lifetime. Where there is none, the
    /// others wait for the first; when that one has made nothing to keep, or takes too long, they make their own.
    pub async fn find(&self, key: &str) -> Found<T> {
        loop {
            let made = self.values.get(key).await;
            if let Some(made) = &made
                && made.at.elapsed() < self.lifetime
            {
                return Found::Kept(made.value.clone());
            }
            let door = match (self.begin(key), made) {
                (Ok(making), _) => return Found::ToMake(Turn(Some(making))),
                (Err(_), Some(old)) => return Found::Kept(old.value.clone()),
                (Err(door), None) => door,
            };
            // There is never a permit: the wait ends when the door is closed.
            let ended = timeout(PATIENCE, door.ended.acquire()).await;
            if ended.is_err() || door.is_done.load(Ordering::Acquire) {
                return match self.values.get(key).await {
                    Some(made) => Found::Kept(made.value.clone()),
                    None => Found::ToMake(Turn(None)),
                };
            }
        }
    }

    /// Begins to make a value; the door of whoever makes it already.
    fn begin(&self, key: &str) -> Result<Making, Arc<Door>> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(key) {
            return Err(door.clone());
        }
        let door = Arc::new(Door { ended: Semaphore::new(0), is_done: AtomicBool::new(false) });
        doors.insert(key.to_owned(), door.clone());
        drop(doors);
        Ok(Making { doors: self.doors.clone(), key: key.to_owned(), door })
    }

    /// Keeps a value.
    pub async fn put(&self, key: String, value: T, weight: usize) {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        self.values.insert(key, Arc::new(Made { value: Arc::new(value), weight, at: Instant::now() })).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn kept(found: Found<u32>) -> Option<u32> {
        match found {
            Found::Kept(value) => Some(*value),
            Found::ToMake(_) => None,
        }
    }

    /// The turn to make what is not there.
    async fn turn(recent: &Recent<u32>) -> Turn {
        match recent.find("k").await {
            Found::Kept(value) => panic!("{value} is kept"),
            Found::ToMake(turn) => turn,
        }
    }

    #[tokio::test]
    async fn one_caller_renews_what_is_old_and_the_others_see_the_old() {
        let recent = Recent::<u32>::new(100, Duration::from_millis(200));
        let first = turn(&recent).await;
        recent.put("k".into(), 1, 1).await;
        first.done();
        assert_eq!(kept(recent.find("k").await), Some(1));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let renewing = turn(&recent).await;
        for _ in 0..2 {
            assert_eq!(kept(recent.find("k").await), Some(1), "the others do not wait, however old it is");
        }
        drop(renewing);
        let renewing = turn(&recent).await;
        recent.put("k".into(), 2, 1).await;
        renewing.done();
        assert_eq!(kept(recent.find("k").await), Some(2));
    }

    #[tokio::test]
    async fn of_many_who_come_first_one_makes_it() {
        let recent = Recent::<u32>::new(100, Duration::from_secs(60));
        let made = AtomicU32::new(0);
        let come = || async {
            match recent.find("k").await {
                Found::Kept(value) => *value,
                Found::ToMake(turn) => {
                    let number = made.fetch_add(1, Ordering::Relaxed) + 1;
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    recent.put("k".into(), number, 1).await;
                    turn.done();
                    number
                }
            }
        };
        assert_eq!(futures_util::future::join_all((0..20).map(|_| come())).await, [1; 20]);
        assert!(recent.doors.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_hands_the_turn_on_and_what_is_not_kept_is_made_by_each() {
        let recent = Recent::<u32>::new(100, Duration::from_secs(60));
        let first = turn(&recent).await;
        // Two wait: the first of them that hears of the end makes it, the other waits on.
        let (mut a, mut b) = (Box::pin(recent.find("k")), Box::pin(recent.find("k")));
        let soon = Duration::from_millis(30);
        assert!(timeout(soon, &mut a).await.is_err() && timeout(soon, &mut b).await.is_err());
        drop(first);
        let Ok(Found::ToMake(second)) = timeout(soon, &mut a).await else { panic!("the turn is free") };
        assert!(timeout(soon, &mut b).await.is_err());
        // Made, and not kept.
        second.done();
        let Ok(Found::ToMake(own)) = timeout(soon, &mut b).await else { panic!("nobody makes it") };
        let next = turn(&recent).await;
        drop((own, next));
        assert!(recent.doors.lock().unwrap().is_empty());
    }
}
