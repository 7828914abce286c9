//! Which trials a person means: by label, by state, by what is true of their values. Pure.

use std::str::FromStr;

use sweep_core::id::TrialIndex;
use sweep_core::selector::Selector;
use sweep_core::state::TrialState;
use sweep_core::value::Value;

use crate::driver::look::TrialLook;
use crate::error::{Error, Result};

/// A choice of trials; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// In one of these states, where any are named.
    pub states: Vec<TrialState>,
    /// One of these, where any are named.
    pub trials: Vec<TrialIndex>,
    /// With values of which all of these are true.
    pub conditions: Vec<Condition>,
}

/// One condition on a parameter, the metric, the attempt or the exit code.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    name: String,
    operator: Operator,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Choice {
    /// Whether a trial is chosen.
    #[must_use]
    pub fn holds(&self, trial: &TrialLook) -> bool {
        (self.states.is_empty() || self.states.contains(&trial.status.state))
            && (self.trials.is_empty() || self.trials.contains(&trial.trial.index))
            && self.conditions.iter().all(|condition| condition.holds(trial))
    }
}

impl Condition {
    fn holds(&self, trial: &TrialLook) -> bool {
        let own = match self.name.as_str() {
            "metric" => trial.metric.map(|x| Value::new(sweep_core::value::Scalar::Float(x))),
            "attempt" => Some(Value::from_word(&trial.status.attempt.to_string())),
            "exit" => trial.end().and_then(|end| end.exit).map(|code| Value::from_word(&code.to_string())),
            "node" => trial.start().map(|start| Value::from_text(start.node.clone())),
            name => trial.trial.params.get(name).cloned(),
        };
        self.is_true_of(own.as_ref())
    }

    /// Of what it is a condition.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is true of a value; of none it is not.
    #[must_use]
    pub fn is_true_of(&self, own: Option<&Value>) -> bool {
        own.is_some_and(|own| self.compare(own))
    }

    fn compare(&self, own: &Value) -> bool {
        use Operator as O;
        let numbers = own.as_f64().zip(self.value.as_f64());
        match (self.operator, numbers) {
            (O::Equal, Some((a, b))) => a.total_cmp(&b).is_eq(),
            (O::NotEqual, Some((a, b))) => a.total_cmp(&b).is_ne(),
            (O::Equal, None) => own.text() == self.value.text(),
            (O::NotEqual, None) => own.text() != self.value.text(),
            (O::Less, Some((a, b))) => a < b,
            (O::LessOrEqual, Some((a, b))) => a <= b,
            (O::Greater, Some((a, b))) => a > b,
            (O::GreaterOrEqual, Some((a, b))) => a >= b,
            // Texts have no order that a search could mean.
            (_, None) => false,
        }
    }
}

impl FromStr for Condition {
    type Err = Error;

    /// `NAME OP VALUE`, with `=`, `!=`, `<`, `<=`, `>` or `>=`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::user(format!("`{text}` is not a condition"))
                .hint("write NAME=VALUE, or !=, <, <=, >, >= in place of =, such as 'lr>0.01'")
        };
        let at = text.find(['=', '!', '<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = operators.iter().find_map(|(word, operator)| Some((rest.strip_prefix(word)?, *operator)));
        let (value, operator) = found.ok_or_else(wrong)?;
        let name = name.trim().to_owned();
        if name.is_empty() || value.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Self { name, operator, value: Value::from_word(value.trim()) })
    }
}

/// Reads a list of trials: `t003,t007` or `3,7`.
///
/// # Errors
/// For a text that is not one trial.
pub fn trials(text: &str) -> Result<Vec<TrialIndex>> {
    let one = |word: &str| match word.trim().parse::<Selector>() {
        Ok(Selector::Trial(index)) => Ok(index),
        _ => Err(Error::user(format!("`{word}` is not a trial")).hint("say t003 or 3, several with commas")),
    };
    text.split(',').map(one).collect()
}

/// Reads a list of states: `failed,timeout`.
///
/// # Errors
/// For a word that is no state, naming them all.
pub fn states(text: &str) -> Result<Vec<TrialState>> {
    let one = |word: &str| {
        let state = TrialState::ALL.into_iter().find(|state| state.name() == word.trim());
        state.ok_or_else(|| {
            let all: Vec<_> = TrialState::ALL.iter().map(|state| state.name()).collect();
            Error::user(format!("`{word}` is not a state")).hint(format!("states are {}", all.join(", ")))
        })
    };
    text.split(',').map(one).collect()
}

/// Conditions as people write them.
#[cfg(test)]
mod tests {
    use super::*;

    fn check(condition: &str, own: &str, holds: bool) {
        let condition: Condition = condition.parse().unwrap();
        assert_eq!(condition.compare(&Value::from_word(own)), holds, "{condition:?} {own}");
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_as_texts() {
        check("lr>0.01", "0.1", true);
        check("lr > 0.01", "0.001", false);
        check("lr=0.10", "0.1", true);
        check("lr!=1e-1", "0.1", false);
        check("n<=3", "3", true);
        check("solver=saga", "saga", true);
        check("solver!=saga", "lbfgs", true);
        check("solver<saga", "lbfgs", false);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["lr", "=1", "lr=", "lr ! 1", ""] {
            assert!(text.parse::<Condition>().is_err(), "{text:?}");
        }
        assert!(states("failed,nonsense").is_err());
        assert_eq!(states("failed, timeout").unwrap(), [TrialState::Failed, TrialState::Timeout]);
        assert_eq!(trials("t003,7").unwrap(), [TrialIndex(3), TrialIndex(7)]);
        assert!(trials("@0").is_err());
    }
}
