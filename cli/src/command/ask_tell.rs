//! `sweep ask-tell`.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use sweep_search::importance::Depth;
use sweep_search::ladder::{Ladder, Selection};
use sweep_search::median::Grace;
use sweep_search::source::Proposals;
use sweep_search::{AshaMode, Experiment, Method, Rungs, Stop};

use crate::ask_tell::Session;
use crate::ask_tell::wire::{Init, Reply, Request};
use crate::error::{Error, Result};

/// Any strategy as JSON lines on standard input and output, to drive it from another program
///
/// One object a line, one answer a line: {"op":"init","space":[…],"seed":0,"budget":200}, then {"op":"ask"} and
/// {"op":"tell","id":7,"value":0.1}; with "max_epoch" in the first line {"op":"next"} and
/// {"op":"report","id":7,"epoch":3,"value":0.1}. Several metrics are "directions":["minimize","maximize"] in the first
/// line and "values":[0.1,0.9] when told. {"op":"best"} gives the best so far, {"op":"importance"} tells which
/// parameters mattered. {"op":"quit"} ends it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The strategy
    #[arg(long, value_enum)]
    method: Word,
    /// How configurations are drawn, of a method that only rations epochs
    #[arg(long, value_enum, default_value_t)]
    proposals: Drawn,
}

/// A strategy by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    Random,
    Sobol,
    Latin,
    Bayes,
    Hyperband,
    Halving,
    Asha,
    AshaStop,
    Median,
    Genetic,
}

/// How configurations are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Drawn {
    #[default]
    Random,
    Sobol,
    Latin,
    Bayes,
}

/// Configurations where nobody says how many there will be.
const BUDGET: u64 = 1000;

impl Args {
    /// Answers until the end.
    ///
    /// # Errors
    /// Where the first line makes no sense, or standard output cannot be written.
    pub fn run(&self) -> Result<ExitCode> {
        let mut session: Option<Session> = None;
        let mut out = std::io::stdout().lock();
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|e| Error::world("cannot read standard input").because(&e))?;
            if line.trim().is_empty() {
                continue;
            }
            let reply = match serde_json::from_str::<Request>(&line) {
                Ok(Request::Quit) => break,
                Ok(request) => self.answer(&mut session, &request),
                Err(error) => Err(Error::user(format!("a line that makes no sense: {error}"))),
            };
            let reply = reply.unwrap_or_else(|error| Reply::Error { error: error.to_string() });
            let mut line = serde_json::to_vec(&reply).expect("texts and numbers always serialize");
            line.push(b'\n');
            let written = out.write_all(&line).and_then(|()| out.flush());
            written.map_err(|e| Error::world("cannot write to standard output").because(&e))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn answer(&self, session: &mut Option<Session>, request: &Request) -> Result<Reply> {
        if let Request::Init(init) = request {
            *session = Some(Session::new(self.experiment(init)?, init.signs()?, init.pool.is_some()));
            return Ok(Reply::Done { ok: true });
        }
        let session = session.as_mut().ok_or_else(|| Error::user("the first line must be `init`"))?;
        match request {
            Request::Ask | Request::Next => session.ask(),
            Request::Tell { id, values } => session.tell(*id, values),
            Request::Report { id, epoch, values } => session.report(*id, *epoch, values),
            Request::Best => Ok(session.best()),
            Request::Importance { pairs } => {
                Ok(session.importance(if *pairs { Depth::Pairs } else { Depth::Single }))
            }
            Request::Init(_) | Request::Quit => Ok(Reply::Done { ok: true }),
        }
    }

    fn experiment(&self, init: &Init) -> Result<Experiment> {
        let space = init.space()?;
        let method = self.method(init)?;
        let finite = space.combinations().finite().and_then(|count| u64::try_from(count).ok());
        let wanted = init.budget.or(init.budget_epochs).unwrap_or(BUDGET);
        let limit = match method {
            Method::Hyperband(_) | Method::Halving(_) | Method::Genetic(_) => None,
            // Of a finite space no more than there is; another round begins it anew.
            _ => Some(wanted.min(finite.unwrap_or(u64::MAX))),
        };
        let stop = (self.method == Word::Median).then(|| Stop::Median(Grace::default()));
        Ok(Experiment {
            seed: init.seed.to_string(),
            method,
            stop,
            described: init.described()?,
            space,
            limit,
            replicates: 1,
            metrics: init.signs()?.len(),
            ..Experiment::default()
        })
    }

    fn method(&self, init: &Init) -> Result<Method> {
        let rungs = |brackets: Selection| {
            let eta = init.eta.unwrap_or(3);
            let most = init.max_epoch.ok_or_else(|| Error::user("this method needs `max_epoch`"))?;
            let ladder =
                Ladder::of_most(most, eta, 1).ok_or_else(|| Error::user("`eta` must be 2 or more"))?;
            let proposals = match self.proposals {
                Drawn::Random => Proposals::Random,
                Drawn::Sobol => Proposals::Sobol,
                Drawn::Latin => Proposals::Latin,
                Drawn::Bayes => Proposals::Bayes,
            };
            Ok::<_, Error>(Rungs { ladder: Ladder { brackets, ..ladder }, proposals })
        };
        let whole = |method: Method| match init.max_epoch {
            // The whole training of each: a ladder with one rung.
            Some(most) => {
                let ladder = Ladder::of_most(most, most.max(2).try_into().unwrap_or(u32::MAX), most);
                let ladder = ladder.ok_or_else(|| Error::user("`max_epoch` must be 1 or more"))?;
                let proposals = match method {
                    Method::Sobol => Proposals::Sobol,
                    Method::Latin => Proposals::Latin,
                    Method::Bayes => Proposals::Bayes,
                    _ => Proposals::Random,
                };
                Ok(Method::Asha(Rungs { ladder, proposals }, AshaMode::Promote))
            }
            None => Ok(method),
        };
        match self.method {
            Word::Random | Word::Median => whole(Method::Random),
            Word::Sobol => whole(Method::Sobol),
            Word::Latin => whole(Method::Latin),
            Word::Bayes => whole(Method::Bayes),
            Word::Hyperband => Ok(Method::Hyperband(rungs(Selection::default())?)),
            Word::Halving => Ok(Method::Halving(rungs(Selection::default())?)),
            Word::Asha => Ok(Method::Asha(rungs(Selection::of(&[0]))?, AshaMode::Promote)),
            Word::AshaStop => Ok(Method::Asha(rungs(Selection::of(&[0]))?, AshaMode::Stop)),
            Word::Genetic => Ok(Method::Genetic(sweep_search::genetic::Settings::default())),
        }
    }
}
