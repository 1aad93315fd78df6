//! Finding the server's programs: `postgres` and `initdb` of one version, in one folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::EmbeddedError;
use super::program;

/// The oldest major version that will do.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// Patterns of the usual places, with at most one `*` per path component.
const USUAL_PLACES: [&str; 5] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/Library/PostgreSQL/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
];

/// The programs of one installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// Picks the server for a cluster made by version `wanted`, or the best one for a new cluster: the first on `PATH`
    /// (somebody put it there on purpose) if it is new enough, else the newest.
    pub(super) async fn find(cluster: &Path, wanted: Option<u32>) -> Result<Self, EmbeddedError> {
        let mut installed = Vec::new();
        for folder in on_path().into_iter().chain(usual_places()) {
            if let Some(major) = major_of(&folder).await {
                installed.push(Self { folder, major });
            }
        }
        choose(installed, cluster, wanted)
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// `installed` stands in the order of preference.
fn choose(installed: Vec<Binaries>, cluster: &Path, wanted: Option<u32>) -> Result<Binaries, EmbeddedError> {
    let mut found: Vec<u32> = installed.iter().map(|binaries| binaries.major).collect();
    found.sort_unstable();
    found.dedup();
    let mut fit = installed.into_iter().filter(|binaries| binaries.major >= OLDEST_MAJOR);
    match wanted {
        _ if found.last().is_none_or(|newest| *newest < OLDEST_MAJOR) => Err(EmbeddedError::NotInstalled { found }),
        Some(wanted) => fit.find(|binaries| binaries.major == wanted).ok_or_else(|| EmbeddedError::OtherMajor {
            path: cluster.to_path_buf(),
            wanted,
            found,
        }),
        None => fit.next().ok_or(EmbeddedError::NotInstalled { found }),
    }
}

/// Folders of `PATH` that hold both programs, with links resolved: a link to `postgres` alone does not bring the files
/// that the server finds beside itself.
fn on_path() -> Vec<PathBuf> {
    std::env::split_paths(&program::search_path())
        .filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok()?.parent().map(Path::to_path_buf))
        .filter(|folder| is_complete(folder))
        .collect()
}

/// The usual places that hold both programs, newest version first.
fn usual_places() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = USUAL_PLACES
        .iter()
        .map(PathBuf::from)
        .chain(homebrew_prefixes().into_iter().map(|prefix| prefix.join("opt/postgresql@*/bin")))
        .flat_map(|pattern| expand(&pattern))
        .filter(|folder| is_complete(folder))
        .collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version_in_path(folder)));
    folders
}

/// Where Homebrew keeps its packages: its two defaults, and beside the `brew` on `PATH`, which is what `brew --prefix`
/// prints.
fn homebrew_prefixes() -> Vec<PathBuf> {
    let mut prefixes = vec![PathBuf::from("/opt/homebrew"), PathBuf::from("/usr/local")];
    let beside_brew = std::env::split_paths(&program::search_path())
        .find(|folder| folder.join("brew").is_file())
        .and_then(|folder| folder.parent().map(Path::to_path_buf));
    prefixes.extend(beside_brew.filter(|prefix| !prefixes.contains(prefix)));
    prefixes
}

fn is_complete(folder: &Path) -> bool {
    ["postgres", "initdb"].iter().all(|program| folder.join(program).is_file())
}

/// Folders that match a pattern such as `/usr/pgsql-*/bin`.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::new()];
    for component in pattern {
        let Some((prefix, suffix)) = component.to_str().and_then(|component| component.split_once('*')) else {
            folders.iter_mut().for_each(|folder| folder.push(component));
            continue;
        };
        folders = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
                name.starts_with(prefix) && name.ends_with(suffix)
            })
            .collect();
    }
    folders
}

/// The number that ends the name of the folder above `bin`: `/usr/pgsql-17/bin` → 17.
fn version_in_path(folder: &Path) -> Option<u32> {
    let name = folder.parent()?.file_name()?.to_str()?;
    let digits = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |last| last + 1);
    name[digits..].parse().ok()
}

async fn major_of(folder: &Path) -> Option<u32> {
    let mut command = program::command(folder.join("postgres"), None);
    let version = program::text(command.arg("--version"), Duration::from_secs(10)).await.ok()?;
    major_in_version(&version)
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15; also `17beta1`.
fn major_in_version(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Binaries> {
        majors.iter().map(|&major| Binaries { folder: PathBuf::from(format!("/pg/{major}/bin")), major }).collect()
    }

    #[test]
    fn the_major_version_is_read_from_what_the_server_says() {
        for (said, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 17beta1", Some(17)),
            ("postgres (PostgreSQL) 18.0 (Homebrew)", Some(18)),
            ("postgres (PostgreSQL)", None),
            ("", None),
        ] {
            assert_eq!(major_in_version(said), major, "{said}");
        }
    }

    #[test]
    fn the_version_in_a_path_orders_the_usual_places() {
        assert_eq!(version_in_path(Path::new("/usr/lib/postgresql/16/bin")), Some(16));
        assert_eq!(version_in_path(Path::new("/usr/pgsql-9/bin")), Some(9));
        assert_eq!(version_in_path(Path::new("/opt/homebrew/opt/postgresql@17/bin")), Some(17));
        assert_eq!(version_in_path(Path::new("/usr/local/pgsql/bin")), None);
    }

    #[test]
    fn a_star_stands_for_any_part_of_one_name() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["pgsql-15/bin", "pgsql-16/bin", "pgsql-16/lib", "other-15/bin"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let mut found = expand(&root.path().join("pgsql-*/bin"));
        found.sort();
        assert_eq!(found, [root.path().join("pgsql-15/bin"), root.path().join("pgsql-16/bin")]);
    }

    #[test]
    fn a_new_cluster_gets_the_first_that_is_new_enough() {
        let chosen = choose(installed(&[14, 16, 17]), Path::new("/c"), None).unwrap();
        assert_eq!(chosen.major, 16);
    }

    #[test]
    fn an_existing_cluster_gets_the_version_that_made_it() {
        let chosen = choose(installed(&[17, 15]), Path::new("/c"), Some(15)).unwrap();
        assert_eq!(chosen.major, 15);
    }

    #[test]
    fn a_cluster_of_another_version_is_refused_with_the_way_to_upgrade() {
        let refusal = choose(installed(&[17, 16]), Path::new("/c"), Some(15)).unwrap_err().to_string();
        assert!(refusal.contains("/c was made by PostgreSQL 15, and only 16, 17 is installed"), "{refusal}");
        assert!(refusal.contains("pg_upgrade"), "{refusal}");
    }

    #[test]
    fn a_machine_without_a_fit_server_is_told_what_to_install() {
        for majors in [&[][..], &[13, 14]] {
            let refusal = choose(installed(majors), Path::new("/c"), None).unwrap_err().to_string();
            for hint in ["apt-get install postgresql", "create_main_cluster = false", "dnf install", "brew install"] {
                assert!(refusal.contains(hint), "{hint}: {refusal}");
            }
        }
        let refusal = choose(installed(&[14]), Path::new("/c"), None).unwrap_err().to_string();
        assert!(refusal.starts_with("PostgreSQL 14 is too old"), "{refusal}");
    }
}
