//! laptime: how long does it take to train a neural network on this machine, and why?

mod analysis;
mod anonymous;
mod args;
mod ascii;
mod budget;
mod checkpoint;
mod child;
mod command_line;
mod console;
mod device_arg;
mod device_choice;
mod device_facts;
mod display;
mod ending;
mod engine_choice;
mod engines;
mod exports;
mod failure;
mod finished;
mod fit;
mod given_weights;
mod idle_threads;
mod interrupt;
mod live;
mod load_options;
mod matrix_units;
mod observed;
mod out_of_memory;
mod output;
mod passes;
mod prepare;
mod preview;
mod profile;
mod race;
mod record_choice;
mod recording;
mod refusal;
mod repeat_plan;
mod repeats;
mod round_order;
mod run_options;
mod save;
mod screen;
mod signals;
mod speed;
mod suite;
mod sweep;
mod thread_choice;
mod ticker;
mod training;
mod verbs;
mod verdict_on;
mod verdicts;
mod workload_choice;
mod wrap;

use std::{env, process::ExitCode, time::Instant};

use args::{Args, Verb};
use failure::Failure;

#[cfg(unix)]
#[global_allocator]
static MEMORY: out_of_memory::Told = out_of_memory::Told;

fn main() -> ExitCode {
    // Where `wall_s` begins. The system has needed a millisecond or so to come here; its own
    // record of a process's start counts in steps of ten.
    let begin = Instant::now();
    // Mesa's layer that reorders Vulkan devices asks for a Wayland display, and where there is none it
    // prints errors of its own. We order devices ourselves.
    // SAFETY: this is the only thread: none has been started here, and nothing that the program is linked
    // with starts one before `main`.
    unsafe { env::set_var("NODEVICE_SELECT", "1") };
    signals::have_large_files_fail();
    let interrupt = interrupt::listen();
    // Not a verb of `Args`: completions and the manual page would show it.
    if env::args_os().skip(1).eq(["child"]) {
        let done = verbs::child();
        laptime_peers::remove_folders();
        return end(done);
    }
    console::obey_escapes();
    let args = match Args::of_process() {
        Ok(args) => args,
        Err(said) => return tell(said),
    };
    output::use_colour(args.color);
    let done = match args.verb {
        Verb::Run(args) => verbs::run(args, begin, &interrupt),
        Verb::Race(args) => verbs::race(args, &interrupt),
        Verb::Compare(args) => verbs::compare(args),
        Verb::Report(args) => verbs::report(args),
        Verb::Records(args) => verbs::records(args),
        Verb::Verify(args) => verbs::verify(args),
        Verb::Explain(args) => verbs::explain(args),
        Verb::Devices => verbs::devices(),
        Verb::Engine(args) => verbs::engine(args),
        Verb::Data(args) => verbs::data(args),
        Verb::Orders(args) => verbs::orders(args),
        Verb::Peers(args) => verbs::peers(args, &interrupt),
        Verb::Workloads(args) => verbs::workloads(&args),
        Verb::Init(args) => verbs::init(args),
        Verb::Import(args) => verbs::import(args),
        Verb::Schema => verbs::schema(),
        Verb::Completions(args) => verbs::completions(args.shell),
        Verb::Man => verbs::man(),
        Verb::Sweep(args) => verbs::sweep(args),
        Verb::Suite(args) => verbs::suite(args, begin, &interrupt),
    };
    laptime_peers::remove_folders();
    end(done)
}

/// Help, versions, and mistakes on the command line.
fn tell(said: clap::Error) -> ExitCode {
    let is_mistake = said.use_stderr();
    let written = output::print_clap(said);
    if is_mistake {
        return ExitCode::from(2);
    }
    end(written)
}

fn end(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            failure.exit_code()
        }
    }
}
