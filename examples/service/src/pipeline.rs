//! The two pipelines. The same text runs on every runtime.

use std::fmt;
use std::fs;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};
use taktline::inlet::{Calls, Inlet};
use taktline::prelude::*;

/// How many requests, and how many jobs, wait at most before their pipelines.
const QUEUE: usize = 256;
const BATCH: usize = 32;
const BATCH_TIME: Duration = Duration::from_millis(5);
/// The longer side of a thumbnail.
const EDGE: u32 = 64;
/// The longest side of a picture.
const EDGE_MAX: u32 = 4096;
const DECODED_MAX: u64 = 4 * (EDGE_MAX as u64) * (EDGE_MAX as u64);

/// From pictures to their thumbnails, for those who wait for them.
pub(crate) fn thumbnails(workers: usize) -> (Calls<Bytes, Bytes>, Pipeline<()>) {
    calls(QUEUE, |pictures| {
        pictures
            .then(validate())
            .batch_within(BATCH, BATCH_TIME)
            .then(shrink_all().concurrency(workers))
            .unbatch()
            .then(made())
    })
}

/// A picture whose thumbnail goes to the store.
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) picture: Bytes,
}

/// From jobs to files, for nobody in particular.
pub(crate) fn jobs(store: Arc<Path>) -> (Inlet<Job>, Pipeline<u64>) {
    let (inlet, jobs) = inlet(QUEUE);
    (inlet, jobs.then(work()).then(keep(store)).count())
}

/// Looks at the head of a picture: whoever sends something else does not get as far as the workers.
#[stage(on_error = skip)]
fn validate(picture: Bytes) -> Result<Bytes, Refused> {
    let reader = ImageReader::with_format(Cursor::new(&*picture), ImageFormat::Png);
    let (width, height) = reader.into_dimensions().map_err(|_| Refused::NoPng)?;
    if width > EDGE_MAX || height > EDGE_MAX { Err(Refused::TooLarge) } else { Ok(picture) }
}

/// The work, on threads where it may take long. A picture that is broken is none of its neighbours' business.
#[stage(blocking, unordered, buffer = 2, on_panic = skip)]
fn shrink_all(pictures: Vec<Bytes>) -> Vec<Result<Bytes, Refused>> {
    pictures.iter().map(shrink).collect()
}

/// The error of a picture goes to its caller.
#[stage(on_error = skip)]
fn made(thumbnail: Result<Bytes, Refused>) -> Result<Bytes, Refused> {
    thumbnail
}

#[stage(blocking, on_error = skip, on_panic = skip)]
fn work(job: Job) -> Result<Job, Refused> {
    Ok(Job { picture: shrink(&job.picture)?, ..job })
}

#[stage(blocking, on_error = skip)]
fn keep(job: Job, store: Arc<Path>) -> io::Result<()> {
    fs::write(store.join(format!("{}.png", job.number)), &job.picture)
}

fn shrink(picture: &Bytes) -> Result<Bytes, Refused> {
    let mut reader = ImageReader::with_format(Cursor::new(&**picture), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE_MAX);
    limits.max_image_height = Some(EDGE_MAX);
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits);
    let thumbnail = reader.decode().map_err(|_| Refused::Broken)?.thumbnail(EDGE, EDGE);
    let mut png = Cursor::new(Vec::new());
    thumbnail.write_to(&mut png, ImageFormat::Png).map_err(|_| Refused::Broken)?;
    Ok(png.into_inner().into())
}

/// What is wrong with a picture. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NoPng,
    TooLarge,
    Broken,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoPng => f.write_str("this is no PNG"),
            Refused::TooLarge => write!(f, "no side may be longer than {EDGE_MAX} pixels"),
            Refused::Broken => f.write_str("the picture cannot be decoded"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use taktline::inlet::CallError;

    use super::*;

    fn png(width: u32, height: u32) -> Bytes {
        let mut png = Cursor::new(Vec::new());
        image::RgbImage::new(width, height).write_to(&mut png, ImageFormat::Png).expect("it can be encoded");
        png.into_inner().into()
    }

    fn refused(reply: Result<Bytes, CallError<Bytes>>) -> Option<Refused> {
        match reply {
            Err(CallError::Failed(error)) => error.downcast_ref().copied(),
            _ => None,
        }
    }

    #[test]
    fn a_broken_picture_fails_its_own_call_and_not_those_of_its_batch() {
        taktline::sim::run(1, async {
            let (thumbnails, pipeline) = thumbnails(2);
            let running = pipeline.start();
            let whole = png(200, 100);
            let cut = whole.slice(..whole.len() / 2);
            let calls = [whole, cut, Bytes::from_static(b"no picture"), png(EDGE_MAX + 1, 1)];
            let callers: Vec<_> = calls.into_iter().map(|png| taktline::spawn(thumbnails.call(png))).collect();
            let mut replies = Vec::new();
            for caller in callers {
                replies.push(caller.await.expect("no caller panics"));
            }
            let rest: Vec<_> = replies.drain(1..).map(refused).collect();
            assert_eq!(rest, [Some(Refused::Broken), Some(Refused::NoPng), Some(Refused::TooLarge)]);
            let thumbnail = replies.remove(0).expect("it is whole");
            let thumbnail = image::load_from_memory(&thumbnail).expect("it is a picture");
            assert_eq!((thumbnail.width(), thumbnail.height()), (64, 32));
            running.drain(Duration::from_secs(25)).await.expect("the run goes on meanwhile");
        });
    }
}
