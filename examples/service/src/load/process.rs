//! The service as a process of its own.

use std::error::Error;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::Args;

/// How long it may take to end, beyond its own limit.
const END_TIME: Duration = Duration::from_secs(40);

pub(super) struct Service {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Service {
    /// # Errors
    /// It does not start, or does not say where it listens.
    pub(super) fn start(args: &Args, store: &Path) -> Result<Service, Box<dyn Error>> {
        let child = Command::new(std::env::current_exe()?)
            .args(["--port", "0", "--runtime", args.runtime.name(), "--store"])
            .arg(store)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // Dropped, it takes the child with it.
        let mut service = Service { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut line = String::new();
        let stdout = service.child.stdout.take().ok_or("it has no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").ok_or("it does not say where it listens")?;
        service.address = address.parse()?;
        Ok(service)
    }

    /// Tells it to stop.
    ///
    /// # Errors
    /// There is no `kill`.
    pub(super) fn tell(&self) -> io::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().map(drop)
    }

    /// Tells it to stop, if that was not done, and waits. True if it says that it has lost nothing.
    ///
    /// # Errors
    /// It does not end.
    pub(super) fn stop(mut self) -> Result<bool, Box<dyn Error>> {
        if self.child.try_wait()?.is_none() {
            self.tell()?;
        }
        let start = Instant::now();
        while start.elapsed() < END_TIME {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err("the service does not end".into())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
