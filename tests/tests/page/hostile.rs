//! What users write is shown and never run, and a page of any sweep opens: without trials, without a metric, with one
//! trial, with several metrics, with several sweeps.

use crate::browser::Browser;
use crate::place::{Place, assert_quiet, kept};

const HOSTILE: &str = r#"name: hostile
description: "</script><script>window.hit = 'description'</script>"
metric: {name: "loss"}
shell: |
  sweep log loss=$SWEEP_TRIAL_INDEX
  echo '<img src=x onerror="window.hit = 1"></pre><script>window.hit = "output"</script>'
  test $SWEEP_TRIAL_INDEX != 2
params:
  - {name: "</script><script>window.hit='name'</script>", text: "<img src=x onerror=\"window.hit='text'\">", mixed: 3}
  - {text: "</textarea><svg onload=window.hit='svg'>", mixed: true, only: 0.5}
  - {text: "'\"><b id=injected>", mixed: "a, \u2028b"}
  - {text: "{{ 7 * 7 }} &lt;&amp;", mixed: "3"}
"#;

#[test]
fn what_users_wrote_is_shown_and_never_run() {
    let place = Place::with(HOSTILE);
    place.run("sweep.yaml", 4);
    let page = place.page(&[]);
    let mut browser = Browser::start();
    browser.look(1280, 900, "light");
    browser.open(&page);
    let shown = browser.see("document.querySelector('.rows').textContent");
    for text in [
        "<img src=x onerror=",
        "</script><script>window.hit='name'",
        "</textarea><svg onload",
        "{{ 7 * 7 }} &lt;&amp;",
    ] {
        assert!(shown.as_str().unwrap().contains(text), "{text}: {shown}");
    }
    let said = browser.see("document.querySelector('.of-failures').textContent");
    assert!(said.as_str().unwrap().contains("<script>window.hit = \"output\"</script>"), "{said}");
    // Every row and everything that can be opened is opened once.
    browser.see("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    browser.see("document.querySelectorAll('.rows tbody tr[data-row]').forEach((row) => row.click())");
    browser
        .see("document.querySelectorAll('select').forEach((one) => one.dispatchEvent(new Event('change')))");
    browser.settle();
    assert_eq!(browser.see("typeof window.hit"), "undefined");
    assert_eq!(
        browser.see("document.querySelectorAll('img, #injected, script:not([type])').length"),
        2,
        "our two scripts"
    );
    browser.picture(&kept("hostile.png"), None);
    assert_quiet(&mut browser);
    // Were something of a user's markup after all, the policy would refuse to run it.
    browser.see("(() => { const made = document.createElement('script'); made.textContent = 'window.hit = 1'; document.body.append(made); })()");
    browser.see("(() => { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit = 1\">'); })()");
    browser.see("new Promise((done) => setTimeout(done)).then(() => 1)");
    assert_eq!(browser.see("typeof window.hit"), "undefined");
    assert!(
        browser.complaints.iter().any(|said| said.contains("Content Security Policy")),
        "{:?}",
        browser.complaints
    );
}

#[test]
fn a_page_of_any_sweep_opens() {
    let mut browser = Browser::start();
    browser.look(1100, 900, "dark");
    let space = "parameters: {a: {min: 0.0, max: 1.0}, b: [x, y, true, 3]}\n";
    let specs = [
        // No metric.
        format!("name: blind\nmethod: random\ntrials: 5\nseed: 1\nshell: 'true'\n{space}"),
        // One trial, which says nothing.
        "name: one\nmetric: {name: loss}\nshell: 'true'\nparams: [{a: 1}]\n".to_owned(),
        // Every trial fails.
        format!(
            "name: failing\nmethod: random\ntrials: 4\nseed: 1\nmetric: {{name: loss}}\nshell: 'echo no; exit 4'\n{space}"
        ),
        // All the same.
        format!(
            "name: flat\nmethod: random\ntrials: 6\nseed: 1\nmetric: {{name: loss}}\nshell: 'sweep log loss=1'\n{space}"
        ),
        // Infinite ends of the scale.
        format!(
            "name: wide\nmethod: random\ntrials: 6\nseed: 1\nmetric: {{name: loss}}\nshell: 'sweep log loss=1e${{SWEEP_TRIAL_INDEX}}00'\n{space}"
        ),
        // Three metrics.
        format!(
            "name: three\nmethod: random\ntrials: 9\nseed: 1\nmetric: [{{name: p}}, {{name: q, goal: maximize}}, {{name: r}}]\nshell: 'sweep log p=$a q=$a r=$SWEEP_TRIAL_INDEX'\n{space}"
        ),
    ];
    for spec in specs {
        let place = Place::with(&spec);
        place.run("sweep.yaml", if spec.contains("exit 4") { 4 } else { 0 });
        let page = place.page(&[]);
        browser.open(&page);
        let name = spec.lines().next().unwrap().trim_start_matches("name: ");
        browser.picture(&kept(&format!("{name}.png")), None);
        assert_quiet(&mut browser);
    }
    // Made and never submitted.
    let place = Place::with(
        "name: early\nmethod: grid\nmetric: {name: loss}\nshell: 'true'\nparameters: {a: [1, 2]}\n",
    );
    place.sweep(&["init", "sweep.yaml"], &[0]);
    browser.open(&place.page(&[]));
    assert_quiet(&mut browser);
}

#[test]
fn several_sweeps_share_a_page() {
    let spec = |name: &str, seed: u32| {
        format!(
            "name: {name}\nmethod: random\ntrials: 12\nseed: {seed}\nmetric: {{name: loss}}\nshell: 'sweep log loss=$a'\nparameters: {{a: {{min: 0.0, max: 1.0}}}}\n"
        )
    };
    let place = Place::with(&spec("first", 1));
    place.run("sweep.yaml", 0);
    std::fs::write(place.path("second.yaml"), spec("second", 2)).unwrap();
    place.run("second.yaml", 0);
    let page = place.page(&["first", "second"]);
    let mut browser = Browser::start();
    browser.look(1280, 900, "light");
    browser.open(&page);
    assert_eq!(browser.see("document.querySelectorAll('article').length"), 2);
    assert_eq!(browser.see("document.querySelectorAll('[data-place=all] canvas:not(.sheet)').length"), 1);
    // What is chosen in one stays in it.
    browser.see("document.querySelector('#s1 input[type=search]').focus()");
    browser.write("a<0.5");
    browser.settle();
    let rows = |browser: &mut Browser, of: &str| {
        browser.see(&format!("document.querySelectorAll('{of} .rows tbody th').length"))
    };
    assert_eq!(rows(&mut browser, "#s0"), 12);
    assert_ne!(rows(&mut browser, "#s1"), 12);
    browser.picture(&kept("two.png"), None);
    assert_quiet(&mut browser);
}
