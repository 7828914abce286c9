//! What a search spends before it is run: its rungs or generations as a table, and hours from the cost of one unit
//! of budget. Never a guess of what a trial takes: who does not say what a unit costs gets units.

use serde::Serialize;

use crate::error::Error;
use crate::experiment::Experiment;
use crate::ladder::Bracket;
use crate::method::{AshaMode, Method};

/// What one unit of budget costs, as hyperband-snakemake counts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// How often everything is repeated inside a trial; 0 counts as 1.
    pub repetitions: u32,
    /// Folds of a cross-validation; with 0 or 1 there is none.
    pub folds: u32,
    /// Hours of one unit on all data.
    pub hours: f64,
}

impl Unit {
    /// Hours of one unit of a trial: each fold leaves its part of the data out.
    #[must_use]
    pub fn trial_hours(&self) -> f64 {
        let folds = f64::from(self.folds.max(1));
        let part = if self.folds > 1 { 1.0 - 1.0 / folds } else { 1.0 };
        f64::from(self.repetitions.max(1)) * folds * self.hours * part
    }
}

/// Whether a trial that goes on from another spends again what that one spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// It begins again.
    Nothing,
    /// It goes on from the checkpoint.
    Checkpoint,
}

/// The brackets of a search and what they spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its brackets; the generations of a population stand as the stages of one.
    pub brackets: Vec<BracketRow>,
    /// Configurations that begin.
    pub configurations: u64,
    /// Trials in all, replicates included.
    pub trials: u64,
    /// Units of budget in all.
    pub units: u64,
}

/// A bracket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BracketRow {
    /// Its number.
    pub bracket: u32,
    /// Its stages.
    pub stages: Vec<StageRow>,
    /// Units of budget in all.
    pub units: u64,
}

/// A rung, or a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StageRow {
    /// Its number in the bracket.
    pub stage: u32,
    /// Its configurations.
    pub configurations: u64,
    /// What each may have spent at its end.
    pub budget: u64,
    /// What all of them spend on it.
    pub units: u64,
}

impl Experiment {
    /// The table of a method that gives budgets, if all trials complete; none for the others.
    ///
    /// # Errors
    /// As [`Experiment::brackets`].
    pub fn table(&self, carry: Carry) -> Result<Option<Table>, Error> {
        // Checked here, so that rows alone are counted as everywhere.
        let planned = self.brackets()?;
        let (brackets, carry) = match (self.method, planned) {
            (Method::Pbt(_), _) => (vec![self.population()], Carry::Checkpoint),
            // What is stopped on a rung is not begun again on the next.
            (Method::Asha(_, AshaMode::Stop), Some(whole)) => {
                let begin =
                    whole.iter().filter_map(|b| b.rungs.first()).map(|rung| rung.configurations).sum();
                (self.method.brackets(Some(begin))?.unwrap_or_default(), Carry::Checkpoint)
            }
            (_, Some(brackets)) => (brackets, carry),
            (_, None) => return Ok(None),
        };
        let replicates = u64::from(self.replicates.max(1));
        let rows: Vec<_> = brackets.iter().map(|bracket| row(bracket, carry, replicates)).collect();
        let begin = brackets.iter().filter_map(|b| b.rungs.first()).map(|rung| rung.configurations);
        let runs = rows.iter().flat_map(|row| &row.stages).map(|stage| stage.configurations);
        Ok(Some(Table {
            configurations: begin.fold(0, u64::saturating_add),
            trials: runs.fold(0, u64::saturating_add).saturating_mul(replicates),
            units: rows.iter().fold(0, |sum, row| sum.saturating_add(row.units)),
            brackets: rows,
        }))
    }

    /// A population's generations as the rungs of a bracket.
    fn population(&self) -> Bracket {
        let Method::Pbt(settings) = self.method else { return Bracket { number: 0, rungs: Vec::new() } };
        let mut left = self.limit.unwrap_or(u64::MAX);
        let rungs = (0..settings.generations).map_while(|generation| {
            let configurations = u64::from(settings.population).min(left);
            left -= configurations;
            let budget = settings.budget(generation);
            (configurations > 0).then_some(crate::ladder::Rung { configurations, budget })
        });
        Bracket { number: 0, rungs: rungs.collect() }
    }
}

fn row(bracket: &Bracket, carry: Carry, replicates: u64) -> BracketRow {
    let mut before = 0;
    let mut stages = Vec::new();
    for (rung, stage) in bracket.rungs.iter().zip(0..) {
        let spent = if carry == Carry::Checkpoint { rung.budget.saturating_sub(before) } else { rung.budget };
        before = rung.budget;
        let units = rung.configurations.saturating_mul(spent).saturating_mul(replicates);
        stages.push(StageRow { stage, configurations: rung.configurations, budget: rung.budget, units });
    }
    let units = stages.iter().fold(0_u64, |sum, stage| sum.saturating_add(stage.units));
    BracketRow { bracket: bracket.number, stages, units }
}

/// Tables and hours.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Ladder;
    use crate::method::Rungs;
    use crate::pbt;
    use crate::source::Proposals;
    use crate::space::{Axis, Domain, Space};

    fn experiment(method: Method) -> Experiment {
        let axis = Axis { name: "lr".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
        Experiment { space: Space::new(vec![axis]), method, ..Experiment::default() }
    }

    fn hyperband(ladder: Ladder) -> Experiment {
        experiment(Method::Hyperband(Rungs { ladder, proposals: Proposals::Random }))
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn hours(units: u64, unit: Unit) -> String {
        format!("{:.2}", units as f64 * unit.trial_hours())
    }

    /// Every figure that hyperband-snakemake prints for `5 3 --repetitions 2 --folds 10
    /// --cost-one-epoch-full-dataset 0.0028`.
    #[test]
    fn the_table_of_hyperband_snakemake_is_met_to_the_last_digit() {
        let unit = Unit { repetitions: 2, folds: 10, hours: 0.0028 };
        let table = hyperband(Ladder::of_s_max(5, 3, 1).unwrap()).table(Carry::Nothing).unwrap().unwrap();
        assert_eq!((table.configurations, table.trials, table.units), (415, 611, 8457));
        assert_eq!(hours(table.units, unit), "426.23");
        let brackets: Vec<_> = table.brackets.iter().map(|row| hours(row.units, unit)).collect();
        assert_eq!(brackets, ["73.48", "67.44", "64.86", "73.48", "73.48", "73.48"]);
        let stages: Vec<_> = table.brackets.iter().flat_map(|row| &row.stages).collect();
        let counts: Vec<_> = stages.iter().map(|stage| (stage.configurations, stage.budget)).collect();
        assert_eq!(counts[..6], [(243, 1), (81, 3), (27, 9), (9, 27), (3, 81), (1, 243)]);
        assert_eq!(counts[6..11], [(98, 3), (32, 9), (10, 27), (3, 81), (1, 243)]);
        assert_eq!(counts[11..15], [(41, 9), (13, 27), (4, 81), (1, 243)]);
        assert_eq!(counts[15..], [(18, 27), (6, 81), (2, 243), (9, 81), (3, 243), (6, 243)]);
        let costs: Vec<_> = stages.iter().map(|stage| hours(stage.units, unit)).collect();
        assert_eq!(costs[6..11], ["14.82", "14.52", "13.61", "12.25", "12.25"]);
        assert_eq!(costs[11..15], ["18.60", "17.69", "16.33", "12.25"]);
        assert_eq!(costs[15..], ["24.49", "24.49", "24.49", "36.74", "36.74", "73.48"]);
        assert!(costs[..6].iter().all(|cost| cost == "12.25"));
    }

    #[test]
    fn a_guaranteed_budget_costs_more() {
        let unit = Unit { repetitions: 2, folds: 10, hours: 0.0028 };
        let ladder = Ladder { guaranteed: 3, ..Ladder::of_s_max(5, 3, 1).unwrap() };
        let table = hyperband(ladder).table(Carry::Nothing).unwrap().unwrap();
        assert_eq!(hours(table.units, unit), "518.62");
        assert_eq!(table.brackets[0].stages[..3].iter().map(|s| s.budget).collect::<Vec<_>>(), [4, 6, 12]);
    }

    #[test]
    fn going_on_from_checkpoints_saves_what_was_measured() {
        for (most, begin, scratch, resumed) in [(81, 143, 1902, 1581), (243, 415, 8457, 6831)] {
            let search = hyperband(Ladder::of_most(most, 3, 1).unwrap());
            let table = search.table(Carry::Nothing).unwrap().unwrap();
            assert_eq!((table.configurations, table.units), (begin, scratch));
            assert_eq!(search.table(Carry::Checkpoint).unwrap().unwrap().units, resumed);
        }
    }

    #[test]
    fn replicates_folds_and_repetitions_multiply() {
        let once = hyperband(Ladder::of_s_max(2, 3, 1).unwrap());
        let thrice = Experiment { replicates: 3, ..once.clone() };
        let units = |search: &Experiment| search.table(Carry::Nothing).unwrap().unwrap().units;
        assert_eq!(units(&thrice), 3 * units(&once));
        let hours = |repetitions, folds| Unit { repetitions, folds, hours: 1.0 }.trial_hours();
        assert_eq!(
            (hours(0, 0), hours(1, 1), hours(3, 1), hours(1, 2), hours(2, 5)),
            (1.0, 1.0, 3.0, 1.0, 8.0)
        );
    }

    #[test]
    fn a_population_spends_an_interval_a_generation() {
        let settings =
            pbt::Settings { population: 4, generations: 3, interval: 5, ..pbt::Settings::default() };
        let table = experiment(Method::Pbt(settings)).table(Carry::Nothing).unwrap().unwrap();
        assert_eq!((table.trials, table.units), (12, 60));
        let cut = Experiment { limit: Some(6), ..experiment(Method::Pbt(settings)) };
        assert_eq!(cut.table(Carry::Nothing).unwrap().unwrap().units, 30);
        assert_eq!(experiment(Method::Random).table(Carry::Nothing).unwrap(), None);
    }
}
