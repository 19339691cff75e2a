//! `laptime peers`: Python frameworks, each in an environment of its own.

use laptime_peers::{
    FRAMEWORKS, Framework, environment_dir,
    install::{self, InstallError, Plan, Variant},
};
use laptime_workload::Shown;

use crate::{
    args::{InstallArgs, PeersArgs, PeersVerb},
    failure::Failure,
    interrupt::Interrupt,
    output::{self, say},
};

/// Lists, installs or removes.
pub fn peers(args: PeersArgs, interrupt: &Interrupt) -> Result<(), Failure> {
    install::sweep_all();
    match args.verb {
        PeersVerb::List => list(),
        PeersVerb::Install(args) => install(&args, interrupt),
        PeersVerb::Remove(args) => remove(find(&args.framework)?),
    }
}

fn list() -> Result<(), Failure> {
    let mut text = String::new();
    for framework in FRAMEWORKS {
        let Framework { name, variable, .. } = framework;
        let stated = std::env::var_os(variable).filter(|python| !python.is_empty());
        let what = match (stated, install::installed(framework)?) {
            (Some(python), _) => format!("{} ({variable})", Shown(python.as_ref())),
            (None, Some(installed)) => {
                let variant = installed.variant;
                let version = installed.version;
                let folder = environment_dir(framework)?;
                if variant == "default" {
                    format!("{version}\n            {}", Shown(&folder))
                } else {
                    format!("{version}, {variant}\n            {}", Shown(&folder))
                }
            }
            (None, None) if install::is_broken(framework)? => format!(
                "not usable: its Python is gone; install it with `laptime peers install {name}`"
            ),
            (None, None) => "not installed".into(),
        };
        text += &format!("{name:<10}  {what}\n");
    }
    output::print_wrapped(&text)
}

fn install(args: &InstallArgs, interrupt: &Interrupt) -> Result<(), Failure> {
    let framework = find(&args.framework)?;
    let variant: Variant = args.variant.parse().map_err(Failure::Usage)?;
    let plan = Plan::new(framework, variant, args.python.as_deref())?;
    let download = megabytes(plan.download_bytes());
    let free = plan
        .free_bytes()
        .map(|bytes| format!(", {} free there", megabytes(bytes)));
    say(&format!(
        "{} with Python {} in {}: {download} to download{}",
        framework.title,
        plan.python().version_text(),
        Shown(plan.place()),
        free.unwrap_or_default(),
    ));
    if let Some(bytes) = plan.cpu_download_bytes() {
        say(&format!(
            "{} would do for processors alone: --variant cpu",
            megabytes(bytes)
        ));
    }
    // Unpacked, wheels take two to three times their size.
    if plan
        .free_bytes()
        .is_some_and(|free| free < 4 * plan.download_bytes())
    {
        let needed = megabytes(4 * plan.download_bytes());
        return Err(Failure::Failed(format!(
            "{}: there is not enough space: about {needed} are needed for a while; free some, or \
             have XDG_DATA_HOME name another disk",
            Shown(plan.place())
        )));
    }
    interrupt.ends_children();
    let installed = plan.install()?;
    output::print(&format!(
        "{} {} is installed in {}\n",
        framework.title,
        installed.version,
        Shown(plan.place())
    ))
}

fn remove(framework: &Framework) -> Result<(), Failure> {
    let what = if install::remove(framework)? {
        "is removed"
    } else {
        "was not installed"
    };
    output::print(&format!("{} {what}\n", framework.title))
}

fn find(name: &str) -> Result<&'static Framework, Failure> {
    let found = FRAMEWORKS.iter().find(|framework| framework.name == name);
    found
        .copied()
        .ok_or_else(|| Failure::Usage(format!("{name}: there is no such framework")))
}

fn megabytes(bytes: u64) -> String {
    match bytes as f64 / 1e6 {
        megabytes if megabytes >= 1e4 => format!("{:.0} GB", megabytes / 1e3),
        megabytes if megabytes >= 1e3 => format!("{:.1} GB", megabytes / 1e3),
        megabytes => format!("{megabytes:.0} MB"),
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Unsupported(message) => Self::Usage(message),
            InstallError::Failed(message) => Self::Failed(message),
            InstallError::Interrupted => Self::Interrupted(error.to_string()),
            InstallError::NoDirectory(error) => error.into(),
        }
    }
}
