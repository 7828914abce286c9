//! The packages in clean roots with a real Slurm: installed, upgraded, kept up with Slurm's own upgrade, removed and
//! purged. A long proof: `cargo xtask prove --only packages`. It must never install anything on this machine itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has nothing to say")]

mod dist;
mod outcome;
mod site;

use std::fs;
use std::path::Path;

use outcome::say;
use site::{Site, difference};

const DEBS: [&str; 2] = ["slurm-sweep_", "slurm-sweep-plugin_"];
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Installs the two Debian packages, with nothing else said.
fn install(site: &Site) -> String {
    let [command, plugin] = dist::put_both(&site.root, DEBS, ".deb");
    let ran = site.apt(&["install", &command, &plugin]);
    ran.stdout + &ran.stderr
}

#[test]
fn installed_the_option_works_at_once_and_purged_nothing_of_it_is_left() {
    let site = Site::running();
    site.prove_absence();
    let before = site.files();
    install(&site);
    site.prove_option();
    say("apt: with both packages installed, `sbatch --sweep-set=lr=0.1 --wrap 'echo $lr'` works at once");
    let check = site.sh("sweep plugin check").stdout;
    assert!(check.contains("it fits this Slurm"), "{check}");
    let records = site.sh("sweep audit list --format json && sweep audit verify").stdout;
    assert!(records.contains("completed"), "{records}");
    say("apt: the site's records are kept in /var/spool/slurm-sweep without further settings, and verify");
    what_comes_with_it(&site);
    upgrade(&site);

    let removed = site.apt(&["remove", "slurm-sweep-plugin"]);
    assert!(!removed.stderr.contains("slurm-sweep-plugin: the plugin is"), "{removed}");
    site.prove_absence();
    assert!(!site.sh("ls /var/spool/slurm-sweep").stdout.is_empty(), "records stay until a purge");
    site.apt(&["purge", "slurm-sweep-plugin", "slurm-sweep"]);
    site.prove_absence();
    let left = difference(&before, &site.files());
    assert!(left.is_empty(), "{}", left.join("\n"));
    say("apt: removed, sbatch says nothing of us and works; purged, no file, folder or byte of /etc differs");
    site.stop();
}

/// The header, the manual, the completions and the notices.
fn what_comes_with_it(site: &Site) {
    for path in [
        "/usr/include/sweep.h",
        "/usr/share/doc/slurm-sweep/docs/admin.md",
        "/usr/share/doc/slurm-sweep/THIRD-PARTY.md",
        "/usr/share/doc/slurm-sweep-plugin/THIRD-PARTY.md",
        "/usr/share/doc/slurm-sweep/examples/iris/sweep.yaml",
        "/usr/share/zsh/vendor-completions/_sweep",
        "/usr/share/fish/vendor_completions.d/sweep.fish",
    ] {
        assert!(!site.read(path).is_empty(), "{path}");
    }
    site.sh("bash -n /usr/share/bash-completion/completions/sweep");
    let page = site.sh("zcat /usr/share/man/man1/sweep-submit.1.gz").stdout;
    assert!(page.starts_with(".ie") && page.contains(".TH sweep-submit 1"), "{page}");
    // The command is one static program.
    let program = fs::read(site.root.outside("/usr/bin/sweep")).unwrap();
    assert!(!program.windows(9).any(|bytes| bytes == b"ld-linux-"), "the program asks for a loader");
    // A user that only the system's own look-up knows is found by name.
    site.sh("sweep audit list --user alice");
    let tmpfiles = site.read("/usr/lib/tmpfiles.d/slurm-sweep-plugin.conf");
    assert!(tmpfiles.contains("d /var/spool/slurm-sweep 0750 root root"), "{tmpfiles}");
}

/// The next version of the same packages, and the same version once more.
fn upgrade(site: &Site) {
    // An administrator's own words behind the path stay.
    let line = "/etc/slurm/plugstack.conf.d/sweep.conf";
    let text = site.read(line);
    site.write(
        line,
        &text.replace("audit=/var/spool/slurm-sweep", "audit=/var/spool/slurm-sweep strict=yes"),
    );
    let next = "99.0.0";
    let mut words = vec!["install".to_owned()];
    for start in DEBS {
        let path = format!("{}/{}", dist::INSIDE, dist::named(start, ".deb"));
        let to = format!("{}/{start}{next}.deb", dist::INSIDE);
        site.sh(&format!(
            "rm -rf /tmp/next && dpkg-deb -R {path} /tmp/next && \
             sed -i 's/^Version: .*/Version: {next}/; s/(= {VERSION})/(= {next})/' /tmp/next/DEBIAN/control && \
             dpkg-deb --root-owner-group -Zgzip -z1 -b /tmp/next {to} && rm -rf /tmp/next"
        ));
        words.push(to);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    site.apt(&words);
    site.prove_option();
    let [command, plugin] = dist::put_both(&site.root, DEBS, ".deb");
    site.apt(&["install", "--allow-downgrades", &command, &plugin]);
    site.apt(&["install", "--reinstall", &command, &plugin]);
    site.prove_option();
    assert!(site.read(line).contains("audit=/var/spool/slurm-sweep strict=yes"), "{}", site.read(line));
    say(
        "apt: a newer version in place, an older one again and the same once more: the option works, and the \
         administrator's words in plugstack.conf.d/sweep.conf stay",
    );
}

/// The lines of the guide's shell blocks.
fn guide() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/admin.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_guide_works_in_its_order() {
    let site = Site::running();
    dist::put_both(&site.root, DEBS, ".deb");
    let lines = guide();
    assert!(lines.len() > 8, "{lines:?}");
    // Reading comes last in the guide, and removing before it: what is read has to be there.
    let (removing, rest): (Vec<_>, Vec<_>) = {
        let at = lines.iter().position(|line| line.starts_with("apt remove")).unwrap();
        let end = lines.iter().position(|line| line.starts_with("apt purge")).unwrap() + 1;
        (lines[at..end].to_vec(), [&lines[..at], &lines[end..]].concat())
    };
    let script = format!("set -eux\ncd {}\n{}\n{}\n", dist::INSIDE, rest.join("\n"), removing.join("\n"));
    site.write("/etc/apt/apt.conf.d/99answers", "APT::Get::Assume-Yes \"true\";\n");
    let ran = site.root.run("sh", &["-c", &script], site::APT).unwrap();
    assert!(ran.success(), "{ran}");
    site.prove_absence();
    say(&format!("guide: all {} commands of docs/admin.md work, in their order", lines.len()));
    site.stop();
}

#[test]
fn slurm_of_another_release_finds_the_plugin_stamped_anew() {
    let site = Site::running();
    install(&site);
    site.prove_option();
    let before = site.sh("sbatch --version").stdout.trim().to_owned();
    site.stop();
    site.sh("sed -i s/bookworm/trixie/ /etc/apt/sources.list");
    site.apt(&["update"]);
    let upgrade =
        site.apt(&["install", "slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge"]);
    let triggered = "Processing triggers for slurm-sweep-plugin";
    assert!(upgrade.stdout.contains(triggered), "{upgrade}");
    let after = site.sh("sbatch --version").stdout.trim().to_owned();
    assert_ne!(before, after);
    site.configure("CgroupPlugin=disabled\n");
    site.start();
    site.prove_option();
    let check = site.sh("sweep plugin check").stdout;
    assert!(check.contains("it fits this Slurm"), "{check}");
    say(&format!(
        "apt: Slurm's packages upgraded from {before} to {after}: the trigger stamped the plugin anew, and the option \
         works with no step of the administrator's"
    ));
    site.apt(&["purge", "slurm-sweep-plugin", "slurm-sweep"]);
    site.prove_absence();
    site.stop();
}

#[test]
fn no_package_operation_fails_whatever_state_slurm_is_in() {
    let site = Site::bare();
    // No Slurm at all: the plugin waits for one.
    site.apt(&["purge", "slurmctld", "slurmd", "slurm-client"]);
    let said = install(&site);
    assert!(said.contains("no Slurm is here yet"), "{said}");
    site.apt(&["update"]);
    let come = site.apt(&["install", "slurmctld", "slurmd", "slurm-client"]);
    assert!(come.stdout.contains("Processing triggers for slurm-sweep-plugin"), "{come}");
    site.configure("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n");
    site.start();
    site.prove_option();
    say("apt: installed before any Slurm was there, the plugin was put in place as Slurm's packages came");

    // A controller that does not answer is not waited for.
    let stop = |name: &str, signal: &str| site.sh(&format!("kill -{signal} $(cat /run/{name}.pid)"));
    stop("slurmctld", "STOP");
    let [command, plugin] = dist::put_both(&site.root, DEBS, ".deb");
    let ran = site.apt(&["install", "--reinstall", &command, &plugin]);
    assert!(!ran.stdout.contains("jobs run as without it"), "{ran}");
    site.apt(&["remove", "slurm-sweep-plugin"]);
    let ran = site.apt(&["install", &plugin]);
    assert!(!ran.stderr.contains("jobs run as without it"), "{ran}");
    stop("slurmctld", "CONT");
    site.prove_option();
    say(
        "apt: installed, removed and installed again with a slurmctld that does not answer: done, nothing said",
    );

    // A configuration that Slurm itself refuses, settings with a fault in them, a file that is damaged.
    let conf = site.read("/etc/slurm/slurm.conf");
    site.write("/etc/slurm/slurm.conf", "NoSuchKey=1\n");
    site.apt(&["install", "--reinstall", &plugin]);
    site.apt(&["remove", "slurm-sweep-plugin"]);
    site.apt(&["install", &plugin]);
    site.write("/etc/slurm/slurm.conf", &conf);
    site.write("/etc/default/slurm-sweep-plugin", "INSTALL=yes\nif then (\n");
    site.apt(&["install", "--reinstall", &plugin]);
    site.prove_option();
    site.sh("dd if=/dev/zero of=/usr/lib/slurm-sweep/spank_sweep.so bs=1 seek=5000 count=64 conv=notrunc");
    let ran = site.root.run("dpkg-trigger", &["--no-await", "/usr/bin/sbatch"], site::LIMIT).unwrap();
    assert!(ran.success(), "{ran}");
    let ran = site.root.run("dpkg", &["--triggers-only", "-a"], site::LIMIT).unwrap();
    assert!(ran.success() && ran.stderr.contains("the plugin is not in place for this Slurm"), "{ran}");
    site.prove_option();
    say(
        "apt: with a slurm.conf that Slurm refuses, settings that no shell reads and a damaged plugin no operation \
         fails, and what worked before still does",
    );

    // Whoever does not want it put in place gets the files alone.
    site.apt(&["purge", "slurm-sweep-plugin"]);
    site.write("/etc/default/slurm-sweep-plugin", "INSTALL=no\n");
    site.apt(&["install", &plugin]);
    site.prove_absence();
    // A node of a configless cluster keeps a copy that another machine's line names.
    let copy = "/usr/lib/slurm-sweep/current.so";
    site.write("/etc/default/slurm-sweep-plugin", &format!("INSTALL=no\nCOPY={copy}\n"));
    site.apt(&["install", "--reinstall", &plugin]);
    site.prove_absence();
    let check = site.sh(&format!("sweep plugin check {copy}")).stdout;
    assert!(check.contains("it fits this Slurm"), "{check}");
    site.write("/etc/slurm/plugstack.conf", &format!("optional {copy}\n"));
    site.prove_option();
    site.write("/etc/slurm/plugstack.conf", "");
    site.apt(&["purge", "slurm-sweep-plugin"]);
    assert!(!site.try_sh("ls /usr/lib/slurm-sweep").success());
    say(
        "apt: with INSTALL=no the files come alone; with COPY= a stamped copy for a configless cluster's line",
    );
    site.stop();
}

#[test]
fn old_months_are_compressed_and_the_rest_still_verifies() {
    let site = Site::running();
    install(&site);
    site.apt(&["update"]);
    site.apt(&["install", "--no-install-recommends", "logrotate"]);
    site.prove_option();
    let month = site.sh("cd /var/spool/slurm-sweep && ls *.jsonl").stdout.trim().to_owned();
    let old = "n0-202001.jsonl";
    site.sh(&format!(
        "cd /var/spool/slurm-sweep && for f in {month} {month}.head; do cp -p $f $(echo $f | sed s/{month}/{old}/); \
         touch -d '500 days ago' $(echo $f | sed s/{month}/{old}/); done"
    ));
    // The first run only notes what is there; a later month is played by its own notes.
    let rotate = "logrotate --state /tmp/state /etc/logrotate.d/slurm-sweep-plugin";
    site.sh(rotate);
    site.sh("sed -i -E 's/ [0-9]{4}-[0-9]+-/ 2020-1-/' /tmp/state");
    site.sh(rotate);
    let listed = site.sh("ls /var/spool/slurm-sweep /var/spool/slurm-sweep/old").stdout;
    assert!(
        listed.contains(&format!("{old}.1.gz")) && listed.contains(&format!("{old}.head.1.gz")),
        "{listed}"
    );
    assert!(listed.lines().any(|line| line == month), "{listed}");
    site.sh("sweep audit verify");
    site.prove_option();
    site.sh("sweep audit verify");
    say(
        "logrotate: a month that has been over for a year is compressed into `old`, the current one is left alone, \
         and the records verify before and after the next",
    );
    site.stop();
}

#[test]
fn the_rpm_is_installed_restamped_and_erased() {
    let site = Site::running();
    site.apt(&["update"]);
    site.apt(&["install", "--no-install-recommends", "rpm"]);
    site.sh("rpm --initdb; rpm -qa");
    let before = site.files();
    let [command, plugin] = dist::put_both(&site.root, ["slurm-sweep-0", "slurm-sweep-plugin-0"], ".rpm");
    // The root's own packages are Debian's: RPM knows none of them.
    site.sh(&format!("rpm --install --nodeps {command} {plugin}"));
    site.prove_option();
    site.sh("rpm --verify --nodeps slurm-sweep slurm-sweep-plugin");
    site.sh(&format!("rpm --upgrade --force --nodeps {command} {plugin}"));
    site.prove_option();
    say(
        "rpm: installed by `rpm --install` in a root of Debian with RPM's own database, scriptlets included: the option \
         works at once, also after an upgrade in place",
    );

    // A package that changes Slurm; what the plugin's package has put in place is gone by then.
    site.sh("rm /etc/slurm/plugstack.conf.d/sweep.conf /usr/lib/slurm-sweep/spank_sweep-*.so");
    site.write(
        "/srv/slurm.spec",
        "Name: slurm\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n\
         %install\nmkdir -p %{buildroot}/usr/lib64/slurm\ntouch %{buildroot}/usr/lib64/slurm/release\n\
         %files\n/usr/lib64/slurm\n",
    );
    site.sh("rpmbuild -bb --define '_topdir /srv/rpm' /srv/slurm.spec && rpm --install --nodeps /srv/rpm/RPMS/*/*.rpm");
    site.prove_option();
    say(
        "rpm: a package that brings files of Slurm sets off the trigger, which puts the plugin in place again",
    );
    site.sh("rpm --erase slurm slurm-sweep-plugin slurm-sweep");
    site.prove_absence();
    let left = difference(&before, &site.files());
    let left: Vec<&String> = left
        .iter()
        .filter(|line| !line.contains("/var/spool/slurm-sweep") && !line.contains("/var/lib/rpm"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    say("rpm: erased, sbatch says nothing of us and works; nothing is left but the site's records");
    site.stop();
}

#[test]
fn the_tarball_needs_no_package_and_its_sums_agree() {
    let site = Site::running();
    for name in dist::names() {
        dist::put(&site.root, &name);
    }
    site.sh(&format!("cd {} && sha256sum --check SHA256SUMS", dist::INSIDE));
    let tarball = dist::named("slurm-sweep-", ".tar.gz");
    site.sh(&format!(
        "mkdir /opt/sweep && tar -xzf {}/{tarball} -C /opt/sweep --strip-components=1",
        dist::INSIDE
    ));
    site.sh(
        "PATH=/opt/sweep/bin:$PATH sweep plugin install /opt/sweep/lib/slurm-sweep/spank_sweep.so --test-job \
         --audit /var/spool/slurm-sweep --slurm-conf-dir /etc/slurm",
    );
    site.prove_option();
    site.sh("PATH=/opt/sweep/bin:$PATH sweep plugin install --undo --slurm-conf-dir /etc/slurm");
    site.prove_absence();
    for (start, names) in
        [("slurm-sweep-0", ["sweep-core", "clap"]), ("slurm-sweep-plugin-0", ["sweep-core", "slurm-spank"])]
    {
        let text = fs::read_to_string(dist::dist().join(dist::named(start, ".cdx.json"))).unwrap();
        let bill: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bill["bomFormat"], "CycloneDX");
        let components = bill["components"].as_array().unwrap();
        for name in names {
            assert!(components.iter().any(|component| component["name"] == name), "{start}: {name}");
        }
    }
    say(
        "tarball: unpacked into /opt, it installs the plugin and takes it away; SHA256SUMS agrees with every file",
    );
    site.stop();
}

#[test]
fn packed_a_second_time_everything_is_the_same_bytes() {
    let again = sweep_testbed::artifacts::packages_again().unwrap();
    let mut sizes = Vec::new();
    for name in dist::names() {
        let first = fs::read(dist::dist().join(&name)).unwrap();
        let second = fs::read(again.join(&name)).unwrap();
        assert!(first == second, "{name} differs");
        if !name.ends_with("SUMS") {
            sizes.push(format!("{name} {:.1} MB", first.len() as f64 / 1e6));
        }
    }
    assert_eq!(fs::read_dir(&again).unwrap().count(), dist::names().len());
    say(&format!("packed twice, the same bytes: {}", sizes.join(", ")));
}
