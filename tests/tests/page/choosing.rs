//! Choosing trials with the pointer and the keyboard, on the page of a real search.

use std::fs;

use crate::browser::Browser;
use crate::place::{Place, assert_quiet, example, kept};

/// Labels in the table's rows.
const LABELS: &str = "[...document.querySelectorAll('.rows tbody th')].map((cell) => cell.textContent)";
/// The middle of the axis of a parameter, its upper and its lower end, in the window.
const AXIS: &str = "(() => { const box = document.querySelector('.parallel .front').getBoundingClientRect();
    const button = [...document.querySelectorAll('.parallel button')].find((one) => one.textContent === 'lr');
    const own = button.getBoundingClientRect();
    return [own.x + own.width / 2, box.y + 44, box.y + 400 - 20]; })()";

fn of_iris() -> Place {
    let place = Place::new();
    for file in ["iris.csv", "train.py", "sweep-asha.yaml"] {
        fs::copy(example("iris").join(file), place.path(file)).unwrap();
    }
    place.run("sweep-asha.yaml", 0);
    place
}

fn labels(browser: &mut Browser) -> Vec<String> {
    serde_json::from_value(browser.see(LABELS)).unwrap()
}

fn number(browser: &mut Browser, expression: &str) -> f64 {
    browser.see(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
}

#[test]
fn a_real_search_is_chosen_from_sorted_filtered_and_printed() {
    let place = of_iris();
    let page = place.page(&[]);
    let mut browser = Browser::start();
    browser.look(1280, 900, "light");
    browser.open(&page);
    browser.picture(&kept("iris-light.png"), None);
    let all = labels(&mut browser);
    assert!(all.len() >= 18, "{all:?}");

    // Brushed: the upper half of the axis of `lr`.
    browser.see("document.querySelector('.parallel').scrollIntoView({block: 'center', behavior: 'instant'})");
    let axis: [f64; 3] = serde_json::from_value(browser.see(AXIS)).unwrap();
    let middle = (axis[1] + axis[2]) / 2.0;
    browser.drag((axis[0], axis[1] - 6.0), (axis[0], middle));
    browser.settle();
    let chosen = labels(&mut browser);
    assert!(!chosen.is_empty() && chosen.len() < all.len(), "{chosen:?}");
    let column = "[...document.querySelectorAll('.rows thead th')].findIndex((head) => head.textContent.startsWith('lr'))";
    let values = format!(
        "[...document.querySelectorAll('.rows tbody tr[data-row]')].map((row) => Number(row.children[{column}].textContent))"
    );
    let least = number(&mut browser, &format!("Math.min(...{values})"));
    browser.picture(&kept("iris-brushed.png"), Some(".of-parallel"));

    // A click takes it back, and the lower half is the rest.
    browser.drag((axis[0], middle), (axis[0], middle));
    browser.settle();
    assert_eq!(labels(&mut browser).len(), all.len());
    browser.drag((axis[0], middle), (axis[0], axis[2] + 6.0));
    browser.settle();
    let rest = labels(&mut browser);
    assert_eq!(chosen.len() + rest.len(), all.len());
    assert!(number(&mut browser, &format!("Math.max(...{values})")) < least);
    browser.see(
        "[...document.querySelectorAll('button')].find((one) => one.textContent === 'Choose all').click()",
    );
    browser.settle();

    // Sorted by a press of a column's head, with the keyboard.
    browser.see(&format!("document.querySelectorAll('.rows thead th')[{column}].firstChild.focus()"));
    for expected in ["ascending", "descending"] {
        browser.press("Enter");
        let order = browser
            .see(&format!("document.querySelectorAll('.rows thead th')[{column}].getAttribute('aria-sort')"));
        assert_eq!(order, expected);
        let sorted = browser.see(&format!(
            "(() => {{ const v = {values}; return v.every((x, n) => n === 0 || ('{expected}' === 'ascending' ? v[n - 1] <= x : v[n - 1] >= x)); }})()"
        ));
        assert_eq!(sorted, true);
    }

    // Filtered by words.
    browser.see("document.querySelectorAll('input[type=search]')[1].focus()");
    browser.write("rung=0 lr<0.1");
    browser.settle();
    let kept_rows = labels(&mut browser);
    assert!(!kept_rows.is_empty() && kept_rows.len() < all.len());
    assert!(number(&mut browser, &format!("Math.max(...{values})")) < 0.1);
    let said = browser.see("document.querySelector('[data-place=table] output').textContent");
    assert_eq!(said.as_str().unwrap(), format!("{} of {} trials", kept_rows.len(), all.len()));
    browser.see(
        "[...document.querySelectorAll('button')].find((one) => one.textContent === 'Choose all').click()",
    );
    browser.settle();

    by_keyboard(&mut browser, &all);
    themes_and_paper(&mut browser);
    assert_quiet(&mut browser);
}

/// Everything that the pointer does, done with the keyboard.
fn by_keyboard(browser: &mut Browser, all: &[String]) {
    browser.see("document.querySelector('details.by-key').open = true");
    browser.see("document.querySelector('.filters [aria-label=\"least lr\"]').focus()");
    browser.write("0.1");
    browser.press("Tab");
    browser.settle();
    let chosen = labels(browser);
    assert!(!chosen.is_empty() && chosen.len() < all.len());
    browser.see(
        "[...document.querySelectorAll('button')].find((one) => one.textContent === 'Choose all').click()",
    );
    browser.settle();
    let order = "[...document.querySelectorAll('.parallel button')].sort((a, b) => parseFloat(a.style.left) - parseFloat(b.style.left)).map((one) => one.textContent)";
    let before = browser.see(order);
    browser.see(&format!("(() => {{ const first = {order}[0]; [...document.querySelectorAll('.parallel button')].find((one) => one.textContent === first).focus(); }})()"));
    browser.press("ArrowRight");
    browser.settle();
    let after = browser.see(order);
    assert_eq!((&after[0], &after[1]), (&before[1], &before[0]));
    // A row of the table: down, and open.
    browser.see("document.querySelector('.rows tbody tr[tabindex=\"0\"]').focus()");
    browser.press("ArrowDown");
    let held = browser.see("document.activeElement.querySelector('th').textContent");
    browser.press("Enter");
    browser.settle();
    let shown = browser.see("document.querySelector('.one strong').textContent");
    assert_eq!(shown, held);
    // Nothing that can be focused is without a name.
    let nameless = browser.see(
        "[...document.querySelectorAll('button, input, select, a')].filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label') || one.closest('label'))).map((one) => one.outerHTML)",
    );
    assert_eq!(nameless, serde_json::json!([]));
    let unnamed = browser.see(
        "[...document.querySelectorAll('canvas, svg, [role=img]')].filter((one) => !one.closest('[aria-hidden=true]') && !one.getAttribute('aria-label') && !one.closest('[role=img]')).map((one) => one.outerHTML)",
    );
    assert_eq!(unnamed, serde_json::json!([]));
}

fn themes_and_paper(browser: &mut Browser) {
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.see(ground);
    browser.look(1280, 900, "dark");
    browser.settle();
    let dark = browser.see(ground);
    assert_ne!(light, dark);
    browser.picture(&kept("iris-dark.png"), None);
    browser.see("document.querySelector('[data-do=theme]').click()");
    browser.settle();
    assert_eq!(browser.see(ground), light, "the switch is stronger than the system");
    browser.see("document.querySelector('[data-do=theme]').click()");
    browser.settle();
    let pdf = browser.print(&kept("iris.pdf"));
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 20_000, "{} bytes", pdf.len());
    browser.settle();
    assert_eq!(browser.see(ground), dark, "after printing it is as it was");
}
