//! A `User-Agent` in words that people recognise in a list of their sessions.
//!
//! The words are ours, whatever the header says: they are safe to show anywhere, and there is a bounded number of them. They leave out
//! versions, so that an update does not look like a new device.

/// What is said of a header that tells nothing.
pub const UNKNOWN: &str = "Unknown device";

/// What stands for itself: programs that are no browsers. Browsers inside of apps come before the browsers that they are built on.
const PROGRAMS: &[(&str, &str)] = &[
    ("okhttp/", "Android app"),
    ("Dalvik/", "Android app"),
    ("CFNetwork/", "Apple app"),
    ("Dart/", "Flutter app"),
    ("Expo/", "React Native app"),
    ("PostmanRuntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("bruno-runtime/", "Bruno"),
    ("HTTPie/", "HTTPie"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("PowerShell/", "PowerShell"),
    ("WindowsPowerShell/", "PowerShell"),
    ("k6/", "k6"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("python-urllib3/", "Python"),
    ("Python-urllib/", "Python"),
    ("Python/", "Python"),
    ("Go-http-client/", "Go"),
    ("Apache-HttpClient/", "Java"),
    ("Java-http-client/", "Java"),
    ("Java/", "Java"),
    ("ktor-client", "Kotlin"),
    ("axios/", "Node.js"),
    ("node-fetch", "Node.js"),
    ("undici", "Node.js"),
    ("node", "Node.js"),
    ("Deno/", "Deno"),
    ("Bun/", "Bun"),
    ("GuzzleHttp/", "PHP"),
    ("PHP/", "PHP"),
    ("Faraday", "Ruby"),
    ("Ruby", "Ruby"),
    ("reqwest/", "Rust"),
    ("hyper/", "Rust"),
    ("libwww-perl/", "Perl"),
];

/// Browsers, most specific first: nearly all of them also say Chrome or Safari.
const BROWSERS: &[(&str, &str)] = &[
    ("FBAN/", "Facebook app"),
    ("FBAV/", "Facebook app"),
    ("Instagram", "Instagram app"),
    ("MicroMessenger/", "WeChat"),
    ("Line/", "LINE app"),
    ("Snapchat", "Snapchat app"),
    ("BytedanceWebview/", "TikTok app"),
    ("LinkedInApp", "LinkedIn app"),
    ("Slack/", "Slack"),
    ("GSA/", "Google app"),
    ("Electron/", "Desktop app"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera"),
    ("Opera", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("Brave/", "Brave"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("YaBrowser/", "Yandex Browser"),
    ("Whale/", "Whale"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("UCBrowser/", "UC Browser"),
    ("MQQBrowser/", "QQ Browser"),
    ("QQBrowser/", "QQ Browser"),
    ("Silk/", "Silk"),
    ("Focus/", "Firefox Focus"),
    ("Klar/", "Firefox Focus"),
    ("SeaMonkey/", "SeaMonkey"),
    ("PaleMoon/", "Pale Moon"),
    ("Waterfox/", "Waterfox"),
    ("Thunderbird/", "Thunderbird"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Headless Chrome"),
    ("Chromium/", "Chromium"),
    ("wv)", "App"),
    ("Chrome/", "Chrome"),
    ("Epiphany/", "GNOME Web"),
    ("Konqueror/", "Konqueror"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("Safari/", "Safari"),
    // WebKit that is nobody's browser.
    ("AppleWebKit/", "App"),
];

/// Systems, most specific first: Android also says Linux, and what runs on an iPhone says Mac OS X.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPod", "iPod"),
    ("iPad", "iPad"),
    ("AppleTV", "Apple TV"),
    ("Xbox", "Xbox"),
    ("PlayStation", "PlayStation"),
    ("Nintendo", "Nintendo"),
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("HarmonyOS", "HarmonyOS"),
    ("KAIOS/", "KaiOS"),
    ("Web0S", "LG TV"),
    ("Tizen", "Tizen"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// Ends of the names of robots; a telephone may be called `CUBOT CHEETAH`.
const ROBOTS: &[&str] = &["bot/", "bot;", "bot)", "bot ", "crawler", "spider"];

/// Words such as `Firefox on Linux`.
#[must_use]
pub fn describe(user_agent: &str) -> String {
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(token, _)| stands_in(user_agent, token)).map(|(_, name)| *name)
    };
    if let Some(program) = find(PROGRAMS) {
        return program.to_owned();
    }
    if is_robot(user_agent) {
        return "Bot".to_owned();
    }
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// Whether the token begins a word: `Online/` is not `Line/`.
fn stands_in(user_agent: &str, token: &str) -> bool {
    user_agent.match_indices(token).any(|(at, _)| {
        let before = user_agent.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(char::is_alphanumeric)
    })
}

fn is_robot(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    ROBOTS.iter().any(|end| lower.contains(end)) && !lower.contains("cubot")
}

#[cfg(test)]
mod tests {
    use super::describe;

    const CASES: &[(&str, &str)] = &[
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPad",
        ),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0 Safari/537.36 OPR/122.0",
            "Opera on Linux",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 16093.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            "Chrome on ChromeOS",
        ),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer on Windows"),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0 Mobile Safari/537.36",
            "App on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "App on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 7.0; CUBOT CHEETAH 2) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Bot"),
        ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)", "Android app"),
        ("okhttp/4.12.0", "Android app"),
        ("Bank/17 CFNetwork/1494.0.7 Darwin/23.4.0", "Apple app"),
        ("Dart/3.5 (dart:io)", "Flutter app"),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.32.4", "Python"),
        ("Python/3.13 aiohttp/3.12", "Python"),
        ("Go-http-client/2.0", "Go"),
        ("PostmanRuntime/7.44.1", "Postman"),
        ("Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/613.0 (KHTML, like Gecko) NF/6.0.3", "App on Nintendo"),
        ("", "Unknown device"),
        ("Online/1.0", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("\u{202e}Firefox\r\nBcc: a@b", "Unknown device"),
    ];

    #[test]
    fn user_agents_read_as_people_say_them() {
        for (agent, words) in CASES {
            assert_eq!(describe(agent), *words, "{agent}");
        }
    }

    #[test]
    fn an_update_is_no_new_device() {
        for (agent, _) in CASES {
            let updated: String = agent.replace("140.0", "141.0").replace("18_5", "18_6");
            assert_eq!(describe(&updated), describe(agent), "{agent}");
        }
    }

    #[test]
    fn whatever_the_header_says_the_words_are_ours_and_short() {
        for agent in ["Firefox/".repeat(200), "x".repeat(100_000), "Chrome/ on <b>Linux</b> \u{0}".to_owned()] {
            let words = describe(&agent);
            assert!(
                words.len() < 64 && words.chars().all(|c| c.is_ascii_alphanumeric() || " .".contains(c)),
                "{words}"
            );
        }
    }
}
