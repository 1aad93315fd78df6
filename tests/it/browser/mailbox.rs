//! Mails as people get them in development: files in `DATA_DIR/mail`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{TestApp, wait_for};

/// The folder, and what was read there.
pub(super) struct Mailbox {
    folder: PathBuf,
    read: HashSet<PathBuf>,
}

impl Mailbox {
    pub(super) fn of(app: &TestApp) -> Self {
        Self { folder: app.app.config.data_dir.join("mail"), read: HashSet::new() }
    }

    /// Waits for a mail to `address` that was not read before and has a link to `page`, and tells that link.
    pub(super) async fn link(&mut self, address: &str, page: &str) -> String {
        let (folder, read) = (&self.folder, &self.read);
        let (path, link) = wait_for(&format!("a mail to {address} with a link to {page}"), async || {
            let files = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path());
            files
                .filter(|path| path.extension().is_some_and(|ending| ending == "eml") && !read.contains(path))
                .find_map(|path| Some((path.clone(), link_in(&path, address, page)?)))
        })
        .await;
        self.read.insert(path);
        link
    }
}

fn link_in(mail: &Path, address: &str, page: &str) -> Option<String> {
    let text = fs::read_to_string(mail).unwrap();
    if !text.lines().any(|line| line == format!("To: {address}")) {
        return None;
    }
    // Quoted-printable (RFC 2045 §6.7): lines that go on, and the one character of a link that it encodes.
    let text = text.replace("=\r\n", "").replace("=3D", "=");
    let end = text.find(&format!("{page}?token="))?;
    let start = text[..end].rfind("http")?;
    Some(text[start..].chars().take_while(|c| !c.is_whitespace() && !"\"<>".contains(*c)).collect())
}
