//! Measures the release binary: its size, the time from exec to ready, and its resident memory when idle.
//!
//! `make measure` builds the binary and runs this. The database is the service's own, under a folder that is thrown away; the first start,
//! which creates and migrates it, is not counted.

#![expect(clippy::disallowed_methods, reason = "a program of its own: no runtime to block, no configuration to share")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Counted starts.
const STARTS: usize = 9;
/// How long a start may take, the first one with its new database included.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a service rests before its memory is read.
const REST: Duration = Duration::from_secs(2);

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() -> Result<(), Box<dyn Error>> {
    // Absolute, since the service starts in a folder of its own.
    let binary = std::fs::canonicalize(std::env::args().nth(1).ok_or("usage: measure PATH_OF_PORTCULLIS")?)?;
    // Passable, since the database may run as another user.
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o711)).tempdir()?;
    let address = free_address()?;
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for number in 0..=STARTS {
        let start = Instant::now();
        let mut service = spawn(&binary, folder.path(), address)?;
        wait_until_ready(address, start, &mut service)?;
        let took = start.elapsed();
        std::thread::sleep(REST);
        let resident = resident_kib(service.id())?;
        stop(&mut service)?;
        if number > 0 {
            times.push(took);
            memory.push(resident);
        }
    }
    times.sort_unstable();
    memory.sort_unstable();
    let size = std::fs::metadata(&binary)?.len();
    println!("release binary        {:.1} MB", millions(size));
    println!(
        "exec to ready         {} ms (median of {STARTS}; {} to {})",
        middle(&times).as_millis(),
        times[0].as_millis(),
        times[STARTS - 1].as_millis()
    );
    println!("idle resident memory  {:.1} MB (median of {STARTS})", millions(*middle(&memory) * 1024));
    Ok(())
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// With the defaults of development, whatever the caller's environment holds.
fn spawn(binary: &Path, folder: &Path, address: SocketAddr) -> std::io::Result<Child> {
    Command::new(binary)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATA_DIR", folder.join("data"))
        .env("PORT", address.port().to_string())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn wait_until_ready(address: SocketAddr, since: Instant, service: &mut Child) -> Result<(), Box<dyn Error>> {
    while !is_ready(address) {
        if let Some(status) = service.try_wait()? {
            return Err(format!("the service ended with {status}: run it by hand to see why").into());
        }
        if since.elapsed() > PATIENCE {
            return Err("the service is not ready: run it by hand to see why".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn resident_kib(pid: u32) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn stop(service: &mut Child) -> Result<(), Box<dyn Error>> {
    let told = Command::new("kill").args(["-TERM", &service.id().to_string()]).status()?;
    let ended = service.wait()?;
    if told.success() && ended.success() { Ok(()) } else { Err(format!("the service ended with {ended}").into()) }
}

fn middle<T>(sorted: &[T]) -> &T {
    &sorted[sorted.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and processes are far below 2^52")]
fn millions(number: u64) -> f64 {
    number as f64 / 1e6
}
