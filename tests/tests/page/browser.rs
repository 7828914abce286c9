//! Chromium without a window, driven by its DevTools protocol over a pipe. Never a port that somebody else could open,
//! and never a wait without a deadline.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// For anything that the browser is asked, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    asked: u64,
    /// What the page complained of: exceptions, errors and warnings of its console, what its policy refused.
    pub complaints: Vec<String>,
    /// Everything that it fetched.
    pub fetched: Vec<String>,
    profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        // The protocol's pipe is the descriptors 3 and 4: the shell makes them of the ones that we can give.
        let line = "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>&2";
        let mut child = Command::new("sh")
            .args(["-c", line, "sh", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args([
                "--remote-debugging-pipe",
                "--no-first-run",
                "--disable-extensions",
                "--mute-audio",
                &folder,
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let messages = BufReader::new(from).split(0);
            let read = messages.map_while(Result::ok).map(|bytes| serde_json::from_slice(&bytes).unwrap());
            // Whoever is gone needs no more.
            let _ = read.map(|message: Value| sender.send(message)).find(Result::is_err);
        });
        let mut browser = Self {
            child,
            to,
            from: receiver,
            session: String::new(),
            asked: 0,
            complaints: Vec::new(),
            fetched: Vec::new(),
            profile,
        };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// What a method answers.
    pub fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        let end = Instant::now() + LIMIT;
        loop {
            let message = match self.from.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("{method}: no answer in {LIMIT:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("{method}: the browser is gone"),
            };
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let of = &event["params"];
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                let detail = &of["exceptionDetails"];
                self.complaints.push(format!("{} {}", detail["text"], detail["exception"]["description"]));
            }
            Some("Runtime.consoleAPICalled") => self.complaints.push(format!("console: {}", of["args"])),
            Some("Log.entryAdded") => self.complaints.push(format!("log: {}", of["entry"]["text"])),
            Some("Network.requestWillBeSent") => {
                self.fetched.push(of["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }

    /// Opens a file, and waits until all of it is drawn.
    pub fn open(&mut self, path: &Path) {
        self.ask("Page.navigate", &json!({"url": format!("file://{}", path.display())}));
        self.wait("document.readyState === 'complete'");
        self.settle();
    }

    /// What an expression gives.
    pub fn see(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", &asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) {
        let end = Instant::now() + LIMIT;
        while self.see(expression) != true {
            assert!(Instant::now() < end, "waited too long for {expression}");
            std::thread::sleep(POLL);
        }
    }

    /// Waits until what was asked of the page is drawn.
    pub fn settle(&mut self) {
        self.wait("performance.getEntriesByName('sweep-begun').length > 0");
        self.see(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 1)",
        );
        self.wait(
            "(() => { const at = (name) => performance.getEntriesByName(name)[0]?.startTime ?? -1;
            return at('sweep-drawn') >= Math.max(at('sweep-asked'), at('sweep-choice'), 0); })()",
        );
    }

    /// A window of this size, in this theme of the system.
    pub fn look(&mut self, width: u32, height: u32, theme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.ask("Emulation.setEmulatedMedia", &features);
    }

    /// Drags from one place of the window to another.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        let mut mouse = |kind: &str, (x, y): (f64, f64), buttons: u32| {
            let event =
                json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", &event);
        };
        mouse("mouseMoved", from, 0);
        mouse("mousePressed", from, 1);
        mouse("mouseMoved", ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0), 1);
        mouse("mouseMoved", to, 1);
        mouse("mouseReleased", to, 0);
    }

    /// Presses a key on what has the focus.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            let code = match key {
                "Enter" => 13,
                "Tab" => 9,
                "ArrowLeft" => 37,
                "ArrowUp" => 38,
                "ArrowRight" => 39,
                "ArrowDown" => 40,
                _ => 0,
            };
            let event = json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.ask("Input.insertText", &json!({"text": text}));
    }

    /// A picture of the whole page, or of one element of it.
    pub fn picture(&mut self, path: &Path, element: Option<&str>) {
        let of =
            element.map_or("document.documentElement".into(), |of| format!("document.querySelector('{of}')"));
        // As high as the page: a canvas that is not in sight is not in a picture beyond the window either.
        let scrolled = self.see("scrollY");
        let [width, height, page]: [u32; 3] = serde_json::from_value(
            self.see("[innerWidth, innerHeight, document.documentElement.scrollHeight]"),
        )
        .unwrap();
        let size = json!({"width": width, "height": page, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        self.see(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 1)",
        );
        let clip = self.see(&format!(
            "(() => {{ const box = {of}.getBoundingClientRect(); return {{x: box.x + scrollX, y: box.y + scrollY, \
             width: box.width, height: box.height, scale: 1}}; }})()"
        ));
        let asked = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let answer = self.ask("Page.captureScreenshot", &asked);
        std::fs::write(path, decoded(answer["data"].as_str().unwrap())).unwrap();
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        // A window as high as the page has nowhere to scroll to, and forgot where it was.
        self.see(&format!("scrollTo({{top: {scrolled}, behavior: 'instant'}})"));
    }

    /// The page on paper.
    pub fn print(&mut self, path: &Path) -> Vec<u8> {
        let answer =
            self.ask("Page.printToPDF", &json!({"printBackground": true, "preferCSSPageSize": true}));
        let bytes = decoded(answer["data"].as_str().unwrap());
        std::fs::write(path, &bytes).unwrap();
        bytes
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its children may still write there.
        let _ = std::fs::remove_dir_all(self.profile.path());
    }
}

/// Base64 as bytes.
fn decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|&letter| letter != b'=').collect();
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4);
    for four in letters.chunks(4) {
        let word = four.iter().fold(0_u32, |word, &letter| word << 6 | u32::from(value(letter)));
        let word = word << (6 * (4 - four.len()));
        bytes.extend(word.to_be_bytes()[1..four.len()].iter());
    }
    bytes
}
