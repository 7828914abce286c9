//! Files for programs that read a configuration file: rendered from Jinja2 templates into the trial's folder before the
//! command starts. A name that a template does not have a value for is an error, never an empty text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, Value};
use sweep_core::layout::TrialDir;
use sweep_core::params::Params;

use crate::error::{At, Error, Result};

/// Renders `templates`, name in the folder and template in `workdir`. A template knows the parameters by their names,
/// all of them as `params`, and the trial's variables as `env`.
///
/// # Errors
/// Those of the file system, or of a template, with its line.
pub fn render(
    templates: &BTreeMap<String, String>,
    params: &Params,
    variables: &[(String, String)],
    folder: &TrialDir,
    workdir: &Path,
) -> Result<()> {
    if templates.is_empty() {
        return Ok(());
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    let all = Value::from_serialize(params);
    let mut names: BTreeMap<String, Value> =
        params.iter().map(|(name, value)| (name.to_owned(), Value::from_serialize(value))).collect();
    names.insert("params".into(), all);
    let env: BTreeMap<&str, &str> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    names.insert("env".into(), Value::from_serialize(env));
    for (name, template) in templates {
        let path = workdir.join(template);
        let text = fs::read_to_string(&path).at("read", &path)?;
        let rendered = environment.render_named_str(template, &text, &names).map_err(|error| {
            let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            Error::user(format!("{}{line}: {}{detail}", path.display(), error.kind()))
        })?;
        let target = folder.path().join(name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).at("make", parent)?;
        }
        fs::write(&target, rendered).at("write", &target)?;
    }
    Ok(())
}

/// Templates of a trial.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;
    use sweep_core::layout::SweepDir;
    use sweep_core::value::Value as Scalar;

    fn rendered(template: &str) -> Result<String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in.j2"), template).unwrap();
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(3));
        let params: Params = [("lr", "1e-4"), ("solver", "saga")]
            .map(|(n, v)| (n.to_owned(), Scalar::from_word(v)))
            .into_iter()
            .collect();
        let variables = [("SWEEP_TRIAL".to_owned(), "t003".to_owned())];
        let templates = [("etc/config.ini".to_owned(), "in.j2".to_owned())].into();
        render(&templates, &params, &variables, &folder, dir.path())?;
        Ok(fs::read_to_string(folder.path().join("etc/config.ini")).unwrap())
    }

    #[test]
    fn a_template_knows_parameters_and_variables() {
        let text = rendered(
            "lr={{ lr }}\n{% for n, v in params|items %}{{ n }}:{{ v }};{% endfor %}\n\
             {% if solver == 'saga' %}l1{% endif %} {{ env.SWEEP_TRIAL }}\n",
        );
        assert_eq!(text.unwrap(), "lr=0.0001\nlr:0.0001;solver:saga;\nl1 t003\n");
    }

    #[test]
    fn a_name_without_a_value_is_an_error_with_its_line() {
        let error = rendered("a\n{{ missing }}\n").unwrap_err().to_string();
        assert!(error.contains("in.j2:2: ") && error.contains("undefined"), "{error}");
    }
}
