//! Who runs a command.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// The user of the operating system whose rights this process has: by name or, where nobody lists one, by number. The environment is not asked:
/// it says what its owner likes.
pub(super) fn name() -> Option<String> {
    let uid = fs::metadata("/proc/self").ok()?.uid();
    let listed = fs::read_to_string("/etc/passwd").ok().and_then(|users| find(&users, uid));
    Some(listed.unwrap_or_else(|| format!("uid {uid}")))
}

/// Finds a user in the format of passwd(5): name, password, number and four more fields, separated by colons.
fn find(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# nobody\nada:x:1001:1001::/home/ada:/bin/sh\n";
        assert_eq!(find(users, 1001).as_deref(), Some("ada"));
        assert_eq!(find(users, 0).as_deref(), Some("root"));
        assert_eq!(find(users, 1002), None);
    }
}
