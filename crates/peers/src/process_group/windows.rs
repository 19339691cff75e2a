//! A job object. The system ends what is in it when its last handle is closed, so nothing in it outlives
//! this process, however that ends.

use std::{
    io,
    os::windows::{
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
        process::CommandExt,
    },
    process::{Child, Command},
    ptr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use windows_sys::Win32::System::{
    JobObjects::{
        AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
        JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
        JobObjectBasicAccountingInformation, JobObjectExtendedLimitInformation,
        QueryInformationJobObject, SetInformationJobObject, TerminateJobObject,
    },
    Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW},
};

use super::Output;

/// How long what was ended may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// What those that were ended end with.
const KILLED: u32 = 1;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct ProcessGroup(Arc<OwnedHandle>);

impl ProcessGroup {
    /// Has the command start a group.
    pub(crate) fn prepare(command: &mut Command, output: Output) {
        // Ctrl-C, Ctrl-Break and the closing of the console are for laptime, which then ends its children
        // in its own time. A console of its own hears of none of them; but what a child shows must be on
        // ours, and there only Ctrl-C can be kept from it.
        command.creation_flags(match output {
            Output::Caught => CREATE_NO_WINDOW,
            Output::Shown => CREATE_NEW_PROCESS_GROUP,
        });
    }

    /// The group of a child that has just been started: what it starts from now on is in it.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        // SAFETY: a job may have no attributes and no name.
        let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was opened just now, and nobody else has it.
        let job = unsafe { OwnedHandle::from_raw_handle(job) };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        // SAFETY: the job is open, and the pointer and the size are of the type that this question takes.
        let is_set = unsafe {
            SetInformationJobObject(
                job.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                ptr::from_ref(&limits).cast(),
                size_of_val(&limits) as u32,
            )
        };
        if is_set == 0 {
            return Err(io::Error::last_os_error());
        }
        // A child that has ended already can be in no job, and needs none.
        // SAFETY: both handles are open.
        unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) };
        Ok(Self(Arc::new(job)))
    }

    /// Ends all that is left of it, and waits for that: until then its folders cannot be removed.
    pub(crate) fn kill(&self) {
        // SAFETY: the job is open.
        unsafe { TerminateJobObject(self.0.as_raw_handle(), KILLED) };
        let since = Instant::now();
        while self.has_processes() && since.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn has_processes(&self) -> bool {
        let mut counts = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        // SAFETY: the job is open, and the pointer and the size are of the type that this question answers
        // with; nothing asks for the answer's length.
        let is_known = unsafe {
            QueryInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectBasicAccountingInformation,
                ptr::from_mut(&mut counts).cast(),
                size_of_val(&counts) as u32,
                ptr::null_mut(),
            )
        };
        is_known != 0 && counts.ActiveProcesses > 0
    }
}
