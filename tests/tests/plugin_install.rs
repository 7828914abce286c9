//! `sweep plugin stamp`, `check` and `install` on real private Slurms: the whole life of an installation, and everything
//! that is refused or put back.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod sweep_on_disk;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use sweep_on_disk::{Sweep, records};
use sweep_testbed::{Cluster, ClusterConfig, Ran, artifacts, run};

const JOB_LIMIT: Duration = Duration::from_secs(120);
/// For installations with a test job.
const INSTALL_LIMIT: Duration = Duration::from_secs(360);

fn cluster() -> Cluster {
    Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap()
}

fn sweep(cluster: &Cluster, arguments: &[&str]) -> Ran {
    let mut command = cluster.command_as_root(artifacts::sweep().unwrap());
    run(command.arg("plugin").args(arguments), INSTALL_LIMIT).unwrap()
}

/// `sweep plugin install` of the built plugin into the cluster's own folders.
fn install(cluster: &Cluster, more: &[&str]) -> Ran {
    let (plugin, lib) = (artifacts::plugin().unwrap(), lib(cluster));
    let mut words = vec!["install", plugin.to_str().unwrap(), "--lib-dir", lib.to_str().unwrap()];
    words.extend(more);
    sweep(cluster, &words)
}

fn lib(cluster: &Cluster) -> PathBuf {
    cluster.directory().join("usr/lib/slurm-sweep")
}

fn line_file(cluster: &Cluster) -> PathBuf {
    cluster.directory().join("plugstack.conf.d/sweep.conf")
}

fn plugstack(cluster: &Cluster) -> PathBuf {
    cluster.directory().join("plugstack.conf")
}

fn good(ran: Ran) -> String {
    assert!(ran.success(), "{ran}");
    assert_eq!(ran.stderr, "");
    ran.stdout
}

fn bad(ran: &Ran, code: i32, why: &str) {
    assert_eq!(ran.code, Some(code), "{ran}");
    assert!(ran.stderr.contains(why), "{why}: {ran}");
}

/// Everything that an installation might touch: name, mode, owner, bytes and time of change.
fn snapshot(cluster: &Cluster) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![cluster.directory().join("usr"), cluster.directory().join("plugstack.conf.d")];
    let mut files = vec![plugstack(cluster)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for path in files.into_iter().filter(|path| path.exists()) {
        let metadata = fs::metadata(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        found.insert(path, (metadata.mode(), metadata.uid(), bytes, metadata.modified().unwrap()));
    }
    found
}

fn help(cluster: &Cluster) -> Ran {
    cluster.run(cluster.command("sbatch").arg("--help")).unwrap()
}

fn has_options(cluster: &Cluster) -> bool {
    let ran = help(cluster);
    assert!(ran.success() && ran.stdout.contains("--array"), "{ran}");
    ran.stdout.contains("--sweep-trial")
}

/// A job of one trial; what its script saw.
fn trial(cluster: &Cluster, name: &str) -> String {
    let home = cluster.scratch().join(name);
    fs::create_dir_all(&home).unwrap();
    let (uid, gid) = (cluster.user().uid, cluster.user().gid);
    chown(&home, Some(uid), Some(gid)).unwrap();
    let dir = Sweep { owner: Some((uid, gid)), ..Sweep::default() }.write(&home);
    let out = home.join("out");
    let wrap = format!("--wrap=echo \"$lr $SWEEP_TRIAL\" > {}", out.display());
    let option = format!("--sweep-dir={}", dir.path().display());
    cluster
        .submit_and_complete(&[&option, "--sweep-trial=t002", "--output=/dev/null", &wrap], JOB_LIMIT)
        .unwrap();
    assert_eq!(records(&dir, 2)[0].1.len(), 2, "the start and the end were written down");
    fs::read_to_string(out).unwrap()
}

#[test]
fn an_installation_works_changes_nothing_again_and_goes_without_a_trace() {
    let cluster = cluster();
    let before = snapshot(&cluster);
    assert!(!has_options(&cluster));
    let audit = cluster.directory().join("site/audit");
    let arguments = ["--audit", audit.to_str().unwrap(), "--test-job", "--test-user", &cluster.user().name];

    let planned = good(install(&cluster, &["--dry-run", "--audit", audit.to_str().unwrap()]));
    assert!(
        planned.lines().count() >= 5 && planned.lines().all(|line| line.starts_with("would ")),
        "{planned}"
    );
    assert_eq!(snapshot(&cluster), before, "a dry run changes nothing");

    let said = good(install(&cluster, &arguments));
    assert!(said.ends_with("the plugin is installed\n"), "{said}");
    assert!(has_options(&cluster));
    assert_eq!(fs::metadata(&audit).unwrap().mode() & 0o7777, 0o750);
    assert_eq!(trial(&cluster, "one"), "0.2 t002\n");
    let kept = fs::read_dir(&audit).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(
        kept.into_iter().any(|name| name.to_str().unwrap().ends_with(".jsonl")),
        "the site has its record"
    );

    let installed = snapshot(&cluster);
    let again = good(install(&cluster, &arguments));
    assert_eq!(again, "nothing to change\n");
    assert_eq!(good(install(&cluster, &[])), "nothing to change\n", "what the line says stays");
    assert_eq!(snapshot(&cluster), installed, "no file was touched");

    let checked = good(sweep(&cluster, &["check", "--nodes"]));
    assert!(checked.contains("has this file and loads it") && checked.contains("it fits"), "{checked}");
    let report: serde_json::Value =
        serde_json::from_str(&good(sweep(&cluster, &["check", "--format", "json"]))).unwrap();
    assert_eq!(report["fits"], true);
    assert_eq!(report["slurm"], report["stamped_for"]);
    assert!(report["looked_at"].as_array().unwrap().len() >= 2, "{report}");

    let said = good(install(&cluster, &["--undo"]));
    assert!(said.contains("the plugin is gone"), "{said}");
    assert!(!has_options(&cluster));
    assert_eq!(help(&cluster).stderr, "");
    assert_eq!(snapshot(&cluster), before);
    assert!(!cluster.directory().join("usr").exists(), "its folders went with it");
    assert!(audit.is_dir(), "records stay");
    cluster.submit_and_complete(&["--output=/dev/null", "--wrap=true"], JOB_LIMIT).unwrap();
    assert!(good(install(&cluster, &["--undo"])).contains("nothing to change"), "undone twice is undone");
    cluster.assert_no_drain().unwrap();
}

#[test]
fn a_stamp_for_another_release_is_refused_with_the_reason() {
    let cluster = cluster();
    let (plugin, copy) = (artifacts::plugin().unwrap(), cluster.directory().join("spank_sweep-other.so"));
    let (from, to) = (plugin.to_str().unwrap(), copy.to_str().unwrap());
    let here = cluster.run(cluster.command("sbatch").arg("--version")).unwrap().checked().unwrap().stdout;
    let other = if here.contains(" 26.05.") { "24.11.5" } else { "26.05.5" };
    let said = good(sweep(&cluster, &["stamp", "--slurm", other, from, to]));
    assert!(said.contains(&format!("is for Slurm {other}")), "{said}");
    let (old, new) = (fs::read(&plugin).unwrap(), fs::read(&copy).unwrap());
    let differing: Vec<usize> = (0..old.len()).filter(|at| old[*at] != new[*at]).collect();
    assert_eq!(old.len(), new.len());
    assert!(!differing.is_empty() && differing[differing.len() - 1] - differing[0] < 4, "{differing:?}");

    let ran = sweep(&cluster, &["check", to]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains(&format!("it is stamped for Slurm {other} and this is Slurm ")), "{ran}");
    let report = |file: &str| -> serde_json::Value {
        serde_json::from_str(&sweep(&cluster, &["check", "--format", "json", file]).stdout).unwrap()
    };
    let (ours, others) = (report(from), report(to));
    assert_eq!(ours["build_sha256"], others["build_sha256"]);
    assert_ne!(ours["sha256"], others["sha256"]);

    // What check foretells is what Slurm does; from 25.11 on it keeps that to itself unless the plugin is required.
    cluster.set_plugstack(&format!("required {to}\n")).unwrap();
    let refused = help(&cluster);
    assert!(!refused.success() && refused.stderr.contains("version"), "{refused}");
    cluster.set_plugstack(&format!("optional {to}\n")).unwrap();
    assert!(!has_options(&cluster));
    let ran = sweep(&cluster, &["check"]);
    assert!(ran.code == Some(1) && ran.stdout.contains(to), "the line names the file: {ran}");

    for (release, why) in [("22", "is no release"), ("22.05.8.1", "is no release")] {
        bad(&sweep(&cluster, &["stamp", "--slurm", release, from, to]), 2, why);
    }
}

#[test]
fn damaged_files_are_refused_and_nothing_is_written() {
    let cluster = cluster();
    let whole = fs::read(artifacts::plugin().unwrap()).unwrap();
    let mark = whole.windows(19).position(|window| window == b"SWEEP-PLUGIN-STAMP:").unwrap();
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "no ELF shared object"),
        ("text", b"#!/bin/sh\nexit 0\n".to_vec(), "no ELF shared object"),
        ("half", whole[..whole.len() / 2].to_vec(), "damaged"),
        ("short", whole[..whole.len() - 1].to_vec(), "damaged"),
        ("unmarked", changed(mark, b"X"), "it has no stamp"),
        ("twice", [whole.as_slice(), b"SWEEP-PLUGIN-STAMP:\0"].concat(), "two stamps"),
        ("stamp", changed(mark - 1, b"\xff"), "no release of Slurm has"),
        ("foreign", changed(18, b"\xb7"), "another architecture"),
    ];
    let before = snapshot(&cluster);
    for (name, bytes, why) in cases {
        let file = cluster.directory().join(format!("{name}.so"));
        let out = cluster.directory().join("out.so");
        fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        bad(&sweep(&cluster, &["stamp", "--slurm", "24.11", file, out.to_str().unwrap()]), 2, why);
        bad(&sweep(&cluster, &["check", file]), 2, why);
        let lib = lib(&cluster);
        bad(&sweep(&cluster, &["install", file, "--lib-dir", lib.to_str().unwrap()]), 2, why);
        assert!(!out.exists());
    }
    assert_eq!(snapshot(&cluster), before);

    // A byte of code, which only a checksum covers.
    let file = cluster.directory().join("spank_sweep.so");
    let summed = run(Command::new("sha256sum").arg(artifacts::plugin().unwrap()), JOB_LIMIT).unwrap();
    fs::write(file.with_extension("so.sha256"), summed.stdout).unwrap();
    fs::write(&file, &whole).unwrap();
    let out = cluster.directory().join("out.so");
    good(sweep(&cluster, &["stamp", "--slurm", "24.11", file.to_str().unwrap(), out.to_str().unwrap()]));
    fs::write(&file, changed(whole.len() / 3, b"\xa5\x5a")).unwrap();
    bad(&sweep(&cluster, &["check", file.to_str().unwrap()]), 2, "its SHA-256 is not the one in");
}

/// Programs in the place of an older Slurm's: they say its release, and sbatch's help has the plugin's options.
fn pretend(cluster: &Cluster, release: &str) -> PathBuf {
    let folder = cluster.directory().join("older");
    fs::create_dir_all(&folder).unwrap();
    for program in ["sbatch", "scontrol", "slurmd", "slurmctld"] {
        let file = folder.join(program);
        let text = format!(
            "#!/bin/sh\ncase \"$1\" in\n--version|-V) echo 'slurm {release}';;\n\
             --help) echo '--array --sweep-trial';;\nesac\n"
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn an_upgrade_of_slurm_is_followed_in_place() {
    let cluster = cluster();
    let older = pretend(&cluster, "21.08.8");
    let (plugin, lib) = (artifacts::plugin().unwrap(), lib(&cluster));
    let mut command = cluster.command_as_root(artifacts::sweep().unwrap());
    let path = command.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap().to_owned();
    let path = format!("{}:{}", older.display(), path.to_str().unwrap());
    command.args(["plugin", "install"]).arg(&plugin).arg("--lib-dir").arg(&lib).env("PATH", path);
    good(run(&mut command, INSTALL_LIMIT).unwrap());
    assert!(lib.join("spank_sweep-21.08.8.so").is_file());
    // An admin's own word behind the plugin's path, and Slurm is upgraded: the plugin is the old one's.
    let line = fs::read_to_string(line_file(&cluster)).unwrap();
    fs::write(line_file(&cluster), line.replace(".so\n", ".so strict=yes\n")).unwrap();
    assert!(!has_options(&cluster));
    let ran = sweep(&cluster, &["check"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("stamped for Slurm 21.08.8"), "{ran}");

    good(install(&cluster, &["--test-job", "--test-user", &cluster.user().name]));
    assert!(has_options(&cluster));
    let line = fs::read_to_string(line_file(&cluster)).unwrap();
    assert!(line.contains(".so strict=yes\n") && !line.contains("21.08"), "{line}");
    assert_eq!(trial(&cluster, "upgraded"), "0.2 t002\n");
    assert!(lib.join("spank_sweep-21.08.8.so").is_file(), "a step of the older Slurm may still load it");
    good(sweep(&cluster, &["check"]));

    good(install(&cluster, &["--undo"]));
    assert!(!has_options(&cluster) && !lib.exists() && !line_file(&cluster).exists());
}

#[test]
fn what_does_not_work_is_put_back() {
    let cluster = cluster();
    fs::write(plugstack(&cluster), "# the site's own\n").unwrap();
    let before = snapshot(&cluster);
    let audit = cluster.directory().join("site");
    let audit = audit.to_str().unwrap();
    bad(
        &install(&cluster, &["--audit", audit, "--test-job", "--test-user", "nobody-has-this"]),
        1,
        "put back as it was",
    );
    assert!(!Path::new(audit).exists());
    let plugstack_file = plugstack(&cluster);
    assert_eq!(fs::read_to_string(&plugstack_file).unwrap(), "# the site's own\n");
    for (path, (mode, uid, bytes, _)) in &before {
        let metadata = fs::metadata(path).unwrap();
        assert_eq!(
            (metadata.mode(), metadata.uid(), &fs::read(path).unwrap()),
            (*mode, *uid, bytes),
            "{path:?}"
        );
    }
    assert_eq!(snapshot(&cluster).len(), before.len());
    assert!(!has_options(&cluster));

    // The include is added where it is missing, and only it goes again.
    good(install(&cluster, &[]));
    assert!(has_options(&cluster));
    let text = fs::read_to_string(&plugstack_file).unwrap();
    assert!(text.starts_with("# the site's own\n") && text.contains("\ninclude "), "{text}");
    fs::write(&plugstack_file, format!("{text}# later\n")).unwrap();
    good(install(&cluster, &["--undo"]));
    assert_eq!(fs::read_to_string(&plugstack_file).unwrap(), "# the site's own\n# later\n");
    assert!(!has_options(&cluster));

    fs::remove_file(&plugstack_file).unwrap();
    good(install(&cluster, &[]));
    assert!(has_options(&cluster));
    good(install(&cluster, &["--undo"]));
    assert!(!plugstack_file.exists(), "it was ours");
    assert!(!has_options(&cluster));
}

#[test]
fn what_would_be_wrong_is_refused_before_anything_changes() {
    let cluster = cluster();
    let before = snapshot(&cluster);
    let open = cluster.directory().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let below = open.join("audit");
    bad(&install(&cluster, &["--audit", below.to_str().unwrap()]), 1, "can be written by others than root");
    bad(&install(&cluster, &["--audit", "/no place"]), 2, "cannot stand in plugstack.conf");
    bad(&install(&cluster, &["--undo", "--test-job"]), 2, "cannot be used with");

    let cache = cluster.directory().join("conf-cache");
    fs::create_dir(&cache).unwrap();
    bad(&install(&cluster, &["--slurm-conf-dir", cache.to_str().unwrap()]), 2, "a copy that slurmd fetches");

    let configless = other_slurm(&cluster, "configless");
    let conf = configless.join("slurm.conf");
    let text = fs::read_to_string(&conf).unwrap() + "SlurmctldParameters=enable_configless\n";
    fs::write(conf, text).unwrap();
    let said = good(install(&cluster, &["--dry-run", "--slurm-conf-dir", configless.to_str().unwrap()]));
    assert!(said.contains("note: this cluster is configless"), "{said}");

    let plugin = artifacts::plugin().unwrap();
    let mut command =
        cluster.command(cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap());
    let copy = cluster.directory().join("spank_sweep-mine.so");
    fs::copy(&plugin, &copy).unwrap();
    command.args(["plugin", "install"]).arg(&copy);
    bad(&cluster.run(&mut command).unwrap(), 2, "takes root");
    assert_eq!(snapshot(&cluster), before);

    cluster.set_plugstack(&format!("optional {}\n", copy.display())).unwrap();
    bad(&install(&cluster, &[]), 2, "loads the plugin already");
}

/// A folder with a slurm.conf of its own, whose slurmctld does not answer.
fn other_slurm(cluster: &Cluster, name: &str) -> PathBuf {
    let folder = cluster.directory().join(name);
    fs::create_dir(&folder).unwrap();
    let text = fs::read_to_string(cluster.slurm_conf()).unwrap();
    let kept = text.lines().filter(|line| !line.starts_with("PlugStackConfig"));
    // Nobody listens on port 9, and that is the point.
    let lines = kept.map(|line| if line.starts_with("SlurmctldPort") { "SlurmctldPort=9" } else { line });
    fs::write(folder.join("slurm.conf"), lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    folder
}

#[test]
fn two_slurms_share_a_folder_of_plugins_and_part_again_with_no_slurmctld_asked() {
    let cluster = cluster();
    let folders = ["one", "two"].map(|name| other_slurm(&cluster, name));
    let has_options = |folder: &Path| {
        let mut sbatch = cluster.command("sbatch");
        let ran = cluster.run(sbatch.arg("--help").env("SLURM_CONF", folder.join("slurm.conf"))).unwrap();
        assert!(ran.success() && ran.stderr.is_empty(), "{ran}");
        ran.stdout.contains("--sweep-trial")
    };
    // The second is reached by a link, as a configuration on a shared file system often is.
    let link = cluster.directory().join("link");
    std::os::unix::fs::symlink(&folders[1], &link).unwrap();
    let conf_dirs = [folders[0].to_str().unwrap(), link.to_str().unwrap()];
    for conf_dir in conf_dirs {
        good(install(&cluster, &["--slurm-conf-dir", conf_dir]));
        assert_eq!(good(install(&cluster, &["--slurm-conf-dir", conf_dir])), "nothing to change\n");
    }
    assert!(folders.iter().all(|folder| has_options(folder)));
    good(install(&cluster, &["--slurm-conf-dir", conf_dirs[0], "--undo"]));
    assert!(!has_options(&folders[0]) && has_options(&folders[1]));
    assert!(!folders[0].join("plugstack.conf").exists() && !folders[0].join("plugstack.conf.d").exists());
    good(install(&cluster, &["--slurm-conf-dir", conf_dirs[1], "--undo"]));
    assert!(!has_options(&folders[1]) && !lib(&cluster).exists());
}

#[test]
fn a_machine_whose_slurm_has_no_configuration_yet_gets_the_plugin_untried() {
    let cluster = cluster();
    let folder = cluster.directory().join("fresh");
    fs::create_dir(&folder).unwrap();
    let mut command = cluster.command_as_root(artifacts::sweep().unwrap());
    command.args(["plugin", "install"]).arg(artifacts::plugin().unwrap());
    command.arg("--lib-dir").arg(lib(&cluster)).arg("--slurm-conf-dir").arg(&folder).env_remove("SLURM_CONF");
    let said = good(run(&mut command, INSTALL_LIMIT).unwrap());
    assert!(said.contains("not tried: sbatch does not start here"), "{said}");
    assert!(folder.join("plugstack.conf.d/sweep.conf").is_file());
    command.arg("--undo");
    good(run(&mut command, INSTALL_LIMIT).unwrap());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn an_installation_that_lost_a_part_is_made_whole_again() {
    let cluster = cluster();
    good(install(&cluster, &[]));
    let whole = snapshot(&cluster);
    let ours = |path: &&PathBuf| path.starts_with(lib(&cluster)) || **path == line_file(&cluster);
    for path in whole.keys().filter(ours) {
        fs::remove_file(path).unwrap();
        good(install(&cluster, &[]));
        assert!(has_options(&cluster), "{}", path.display());
        assert_eq!(snapshot(&cluster).keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    }
    good(install(&cluster, &["--undo"]));
    assert!(!has_options(&cluster) && !line_file(&cluster).exists());
}

#[test]
fn the_readmes_lines_for_administrators_are_those_that_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines: Vec<&str> =
        blocks.flat_map(str::lines).map(|line| line.split("    #").next().unwrap().trim_end()).collect();
    assert!(lines.len() >= 3, "{lines:?}");
    let cluster = cluster();
    cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
    let there = cluster.directory().join("target/plugin");
    fs::create_dir_all(&there).unwrap();
    fs::copy(artifacts::plugin().unwrap(), there.join("spank_sweep.so")).unwrap();
    for line in lines {
        let line = line.strip_prefix("# ").unwrap_or_else(|| panic!("`{line}` is no line of root's"));
        let (lib, audit) = (lib(&cluster), cluster.directory().join("records"));
        let line = line.replace("/var/spool/slurm-sweep", audit.to_str().unwrap());
        let line = line.replace("plugin install", &format!("plugin install --lib-dir {}", lib.display()));
        let mut shell = cluster.command_as_root("sh");
        shell.arg("-ec").arg(&line).current_dir(cluster.directory());
        let ran = run(&mut shell, INSTALL_LIMIT).unwrap();
        assert!(ran.success(), "{line}: {ran}");
        assert_eq!(has_options(&cluster), !line.contains("--undo"), "{line}");
    }
}
