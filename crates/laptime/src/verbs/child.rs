//! `laptime child`: a part of the work of another process of this program. It is not in the help.

use std::sync::Arc;

use laptime_engine::{DeviceKind, Engine, Job, gate};
use laptime_workload::{Workload, dataset::synthetic, directories::cache_dir};
use serde::Serialize;

use crate::{
    analysis::analyse,
    args::DeviceArg,
    child::{DeviceWish, GateJob, Request, request},
    device_choice::{Wish, fastest},
    ending::end,
    engines::{self, OwnEngine},
    failure::Failure,
    given_weights::WeightsFile,
    matrix_units::try_both,
    output,
    repeats::run_once,
    verdicts::{self, Judged},
};

/// Does what this process is asked, and prints the answer as JSON.
pub fn child() -> Result<(), Failure> {
    engines::know_places();
    match request(|| end("the program that asked has ended"))? {
        Request::Verify(job) => verify(job),
        Request::ChooseDevice(wish) => choose_device(wish),
        Request::FindAdapters => answer(&OwnEngine.devices_of(DeviceKind::Gpu)?.len()),
        Request::TryMatrixUnits(job) => answer(&try_both(job)),
        Request::Run(job) => answer(&run_once(job)?),
        Request::Analyse(job) => answer(&analyse(job)?),
    }
}

fn verify(mut asked: GateJob) -> Result<(), Failure> {
    WeightsFile::read_for(asked.weights.as_ref(), &mut asked.workload)?;
    let engine = engines::find("--engine", &asked.engine)?;
    let job = Job {
        dataset: Arc::new(synthetic(
            asked.workload.dataset.description(),
            asked.last_batch,
            0,
        )),
        workload: Arc::new(asked.workload),
        threads: asked.threads,
        passes: asked.passes,
        profile: false,
    };
    let verdict = gate::verify(engine, &job, &asked.device)?;
    // Behind the verdict: a framework may have chosen its way to train only now.
    let subject = verdicts::subject(engine, &job, &asked.device);
    answer(&Judged { subject, verdict })
}

fn choose_device(asked: DeviceWish) -> Result<(), Failure> {
    let workload: Arc<Workload> = Arc::new(asked.workload);
    let wish = Wish {
        device: DeviceArg::Auto,
        cpu: &asked.cpu,
        workload: &workload,
        threads: asked.threads,
        passes: &asked.passes,
    };
    answer(&fastest(&OwnEngine, &wish, cache_dir().ok().as_deref())?)
}

fn answer(value: &impl Serialize) -> Result<(), Failure> {
    output::print(&(serde_json::to_string(value).expect("an answer is plain data") + "\n"))
}
