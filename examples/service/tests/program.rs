//! The program, from outside: as its clients and its operators see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const RUNTIMES: &[&str] = &[
    #[cfg(feature = "tokio")]
    "tokio",
    #[cfg(feature = "smol")]
    "smol",
];

fn service(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.args(args);
    command
}

/// The last line of stdout, of a run that has gone well.
fn last_line(args: &[&str]) -> String {
    let output = service(args).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().last().expect("it prints something").to_owned()
}

#[test]
fn each_call_gets_its_own_thumbnail() {
    for runtime in RUNTIMES {
        let line = last_line(&["--load", "300", "--runtime", runtime]);
        assert!(line.starts_with("calls 300 wrong 0 lost 0 shed 0 p50 "), "{runtime}: {line}");
    }
}

#[test]
fn a_stop_under_load_loses_nothing_that_was_accepted() {
    for runtime in RUNTIMES {
        let line = last_line(&["--cycles", "3", "--runtime", runtime]);
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(words[..4], ["cycles", "3", "unclean", "0"], "{runtime}: {line}");
        assert!(line.contains(" wrong 0 lost 0 shed 0 ") && line.ends_with(" lost 0"), "{runtime}: {line}");
    }
}

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(runtime: &str) -> Served {
        let mut child =
            service(&["--port", "0", "--runtime", runtime]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on http://").expect("that is what it says").to_owned();
        Served { child, address }
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it can be set");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        // It may answer before it has read all.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_listens_on_the_loopback_interface_only_and_limits_what_comes() {
    for runtime in RUNTIMES {
        let served = Served::start(runtime);
        assert!(served.address.starts_with("127.0.0.1:"), "{runtime}: {}", served.address);
        let no_picture = served.ask("POST", "/thumbnail", b"a secret that is no picture");
        assert_eq!(no_picture, (422, "this is no PNG\n".to_owned()), "{runtime}");
        let large = vec![b'x'; (1 << 20) + 1];
        for path in ["/thumbnail", "/jobs"] {
            assert_eq!(served.ask("POST", path, &large).0, 413, "{runtime}: {path}");
        }
        assert_eq!(served.ask("GET", "/nothing", b"").0, 404, "{runtime}");
    }
}

#[test]
fn its_pages_tell_what_it_does_and_nothing_of_what_is_in_it() {
    for runtime in RUNTIMES {
        let served = Served::start(runtime);
        assert_eq!(served.ask("GET", "/healthz", b""), (200, "ok\n".to_owned()), "{runtime}");
        served.ask("POST", "/thumbnail", b"a secret that is no picture");
        let (status, metrics) = served.ask("GET", "/metrics", b"");
        assert_eq!(status, 200, "{runtime}");
        for line in [
            "taktline_stage_items_total{pipeline=\"thumbnails\",stage=\"validate\",what=\"skipped\"} 1",
            "taktline_stage_items_total{pipeline=\"jobs\",stage=\"work\",what=\"in\"} 0",
            "service_callers_left_total 0",
        ] {
            assert!(metrics.lines().any(|it| it == line), "{runtime}: {line} is not in\n{metrics}");
        }
        let is_sample = |line: &str| line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok());
        let odd = metrics.lines().find(|line| !line.starts_with("# ") && !is_sample(line));
        assert_eq!(odd, None, "{runtime}");
        let (status, graphs) = served.ask("GET", "/pipeline", b"");
        assert!(status == 200 && graphs.contains("batch_within") && graphs.contains("jobs"), "{runtime}: {graphs}");
        assert!(!metrics.contains("secret") && !graphs.contains("secret"), "{runtime}");
    }
}
