//! A command that srun launches: on several nodes, or with options that the spec names. Never a step that waits for
//! what the job's other steps have.

use sweep_core::packing::Packing;

use crate::error::{Error, Result};
use crate::task::argv::Values;
use crate::task::identity::Identity;

/// Puts srun before a command where the spec wants it launched.
///
/// # Errors
/// For a name without value, or a number of nodes that is none.
pub fn with_srun(
    packing: &Packing,
    values: &Values<'_>,
    identity: &Identity,
    argv: Vec<String>,
) -> Result<Vec<String>> {
    if !packing.launches() {
        return Ok(argv);
    }
    let mut words = vec!["srun".to_owned()];
    if let Some(text) = &packing.nodes_per_trial {
        words.push(format!("--nodes={}", number(text, "`nodes_per_trial`", values)?.max(1)));
    }
    if identity.agent.is_some() {
        // Beside other trials, a step takes what it asks for and no more.
        words.push("--exact".into());
        if let Some(mem) = &packing.mem {
            words.push(format!("--mem={}", values.fill(mem)?));
        }
    }
    for word in &packing.launch_args {
        words.push(values.fill(word)?);
    }
    words.extend(argv);
    Ok(words)
}

/// A whole number that a parameter may decide.
///
/// # Errors
/// For a name without value, or a value that is no whole number.
pub fn number(text: &str, what: &str, values: &Values<'_>) -> Result<u32> {
    let filled = values.fill(text)?;
    filled.trim().parse().map_err(|_| Error::user(format!("{what} is `{filled}`, which is no whole number")))
}

/// Launches by example.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::params::Params;
    use sweep_core::value::Value;

    #[test]
    fn a_parameter_decides_on_how_many_nodes_a_trial_runs() {
        let params: Params = [("nodes".to_owned(), Value::from_word("4"))].into_iter().collect();
        let values = Values { params: &params, variables: &[] };
        let env = |name: &str| (name == "SLURM_JOB_ID").then(|| "7".to_owned());
        let identity = Identity::of_slurm(env).unwrap();
        let launched = |nodes: Option<&str>, args: &[&str]| {
            let packing = Packing {
                nodes_per_trial: nodes.map(str::to_owned),
                launch_args: args.iter().map(|&word| word.to_owned()).collect(),
                ..Packing::default()
            };
            with_srun(&packing, &values, &identity, vec!["prog".into()]).map(|words| words.join(" "))
        };
        assert_eq!(launched(None, &[]).unwrap(), "prog");
        assert_eq!(launched(Some("${nodes}"), &["--mpi=pmix"]).unwrap(), "srun --nodes=4 --mpi=pmix prog");
        assert_eq!(launched(None, &["-n${nodes}"]).unwrap(), "srun -n4 prog");
        assert!(launched(Some("many"), &[]).unwrap_err().to_string().contains("no whole number"));
    }
}
