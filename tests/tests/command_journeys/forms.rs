//! Every form of a command, on Slurm. The same forms by the local executor are tests of the command's own.

use std::os::unix::fs::PermissionsExt;

use crate::site::{Home, plain};

fn output(name: &str, spec: &str) -> Vec<String> {
    let home = Home::new(plain(), name, spec);
    let script = home.write("train.sh", "#!/bin/bash\necho script $x \"$note\"\n");
    std::fs::set_permissions(script, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(home.path.join("in-1")).unwrap();
    let sweep = home.submit(&[]);
    sweep.wait_completed(1);
    sweep.read(0, "out.log").lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn each_form_of_a_command_runs_in_a_job() {
    let parameters = "parameters: {x: [1], note: ['a; b $x']}\n";
    let check = |name: &str, form: &str, expected: &[&str]| {
        assert_eq!(output(name, &format!("name: {name}\n{form}\n{parameters}")), expected, "{form}");
    };
    check("command", "command: [echo, '${x}', '${note}', '$x']", &["1 a; b $x $x"]);
    check("shell", "shell: 'echo $x \"$note\" | tr a-z A-Z'", &["1 A; B $X"]);
    check("script", "script: train.sh", &["script 1 a; b $x"]);
    check(
        "program",
        "program: train.sh\ncommand: ['${env}', bash, '${program}', '${args}']",
        &["script 1 a; b $x"],
    );
    check(
        "setup",
        "setup: ['export A=${x}', 'f() { echo f $A; }', f]\ncommand: [echo, '${note}']",
        &["f 1", "a; b $x"],
    );
    check("workdir", "workdir: 'in-${x}'\nshell: 'basename $PWD'", &["in-1"]);
    check("env", "env: {E: 'e${x}'}\nshell: 'echo $E'", &["e1"]);
}
