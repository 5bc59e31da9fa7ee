//! Servers on this machine: stores installed from the registries, a proxy that fails on purpose,
//! and a page server. The tests of stores of models (`crates/registry/tests/store`) use them too.

use crate::absent::absent;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

/// An installed program, or why it could not be installed.
pub type Installed = LazyLock<Result<PathBuf, String>>;

/// Speaks S3.
pub static MOTO: Installed = LazyLock::new(|| {
    install("moto-5.2.1", "bin/moto_server", |folder| {
        step(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let pip = folder.join("bin/pip");
        step(Command::new(pip).args(["install", "--quiet", "moto[server]==5.2.1"]))
    })
});

/// Speaks Azure Blob Storage.
pub static AZURITE: Installed = LazyLock::new(|| {
    install("azurite-3.35.0", "node_modules/.bin/azurite-blob", |folder| {
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let arguments = ["install", "--no-audit", "--no-fund", "--silent", "--prefix", "."];
        step(Command::new("npm").args(arguments).arg("azurite@3.35.0").current_dir(folder))
    })
});

/// Installs a program into a folder of the build directory, once for all builds.
pub fn install(
    name: &str,
    program: &str,
    how: impl Fn(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (program, done) = (folder.join(program), folder.join("installed"));
    if !done.exists() {
        how(&folder)?;
        std::fs::write(done, "").map_err(|e| e.to_string())?;
    }
    Ok(program)
}

/// Runs a step of an installation.
pub fn step(command: &mut Command) -> Result<(), String> {
    let ended = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
}

/// A running program that listens; it ends with the test.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts a program, `arguments` being told the port. Without the program the test is skipped, or
    /// fails: see [`absent`].
    pub fn start(
        program: &Installed,
        arguments: impl Fn(u16) -> Vec<String>,
        directory: &Path,
    ) -> Option<Self> {
        let program = match &**program {
            Ok(program) => program,
            Err(why) => {
                absent("a server", &format!("it cannot be installed: {why}"));
                return None;
            }
        };
        let port = free_port();
        let mut command = Command::new(program);
        command.args(arguments(port)).current_dir(directory);
        // What a server asks its maker, and runs for itself beside what is tested here.
        command.envs([
            ("MLFLOW_DISABLE_TELEMETRY", "true"),
            ("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"),
        ]);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed().as_secs() < 300, "{program:?}: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its workers are of its group.
        #[cfg(unix)]
        let _ = Command::new("kill").args(["-9", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends a request to moto, which takes any signature for a right one; the answer has to be of the
/// kind 2xx.
pub fn request(port: u16, method: &str, path: &str, body: &[u8]) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: AWS id:signature\r\n\
         x-amz-acl: public-read\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
}

/// Answers requests itself, or has another server answer them.
pub struct Proxy {
    pub port: u16,
    /// The heads of all requests.
    pub seen: Arc<Mutex<Vec<String>>>,
}

/// An answer to the head of a request; `None` leaves it to the server behind. An empty one is none:
/// the server behind does what it is asked for, and its answer is lost.
pub type Answer = dyn FnMut(&str) -> Option<Vec<u8>> + Send;

impl Proxy {
    /// A proxy in front of the server on port `behind`, if there is one.
    pub fn start(behind: Option<u16>, answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, heads) = (Arc::new(Mutex::new(answer)), Arc::clone(&seen));
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, heads) = (Arc::clone(&answer), Arc::clone(&heads));
                std::thread::spawn(move || {
                    let head = head(&stream);
                    heads.lock().unwrap().push(head.clone());
                    let own = (answer.lock().unwrap())(&head);
                    pass(stream, &head, own, behind);
                });
            }
        });
        Self { port, seen }
    }

    /// Requests whose heads begin so.
    pub fn count(&self, begin: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|head| head.starts_with(begin)).count()
    }
}

/// The head of a request.
fn head(mut stream: &TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn pass(mut stream: TcpStream, head: &str, own: Option<Vec<u8>>, behind: Option<u16>) {
    // The client may have gone away, as one does that has seen enough.
    let mut body = Vec::new();
    (&stream).take(length(head)).read_to_end(&mut body).unwrap();
    let _ = match (own, behind) {
        (Some(answer), _) if !answer.is_empty() => stream.write_all(&answer),
        (_, None) => stream.write_all(&answer("404 Not Found", b"")),
        (own, Some(port)) => {
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let closing = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            server.write_all(closing.as_bytes()).unwrap();
            server.write_all(&body).unwrap();
            match own {
                None => std::io::copy(&mut server, &mut stream).map(drop),
                Some(_) => server.read_to_end(&mut Vec::new()).map(drop),
            }
        }
    };
    let _ = stream.shutdown(Shutdown::Both);
}

/// Bytes that follow a head.
fn length(head: &str) -> u64 {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, value)| value.trim().parse().unwrap())
}

/// A whole answer.
pub fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}
