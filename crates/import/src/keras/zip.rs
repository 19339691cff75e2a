//! The members of a zip archive that lie in it as they are, as Keras writes them.

use laptime_workload::zip::{self, Method};

use crate::problem::Problem;

/// The member of this name.
pub(super) fn member<'a>(archive: &'a [u8], name: &str) -> Result<&'a [u8], Problem> {
    let advice = "save it with Keras 3: model.save(\"model.keras\"), or export it as ONNX";
    let problem = |what: String| Problem::new(format!("it is a zip archive {what}"), advice);
    let unreadable = |told: &dyn std::fmt::Display| problem(format!("that cannot be read: {told}"));
    let members = zip::members(&archive).map_err(|error| unreadable(&error))?;
    let members = members.map_err(|error| unreadable(&error))?;
    let Some(member) = members.iter().find(|it| it.name == name.as_bytes()) else {
        return Err(problem(format!(
            "without {name}, so it is none of Keras's (PyTorch's .pt is one, too)"
        )));
    };
    if member.method != Method::Stored {
        return Err(problem(format!(
            "whose {name} is compressed, as Keras never does"
        )));
    }
    let start = member.start(&archive).map_err(|error| unreadable(&error))?;
    let start = start.map_err(|error| unreadable(&error))?;
    let contents = &archive[start as usize..][..member.length as usize];
    let mut sum = flate2::Crc::new();
    sum.update(contents);
    if sum.sum() != member.crc {
        return Err(problem(format!("whose {name} is damaged")));
    }
    Ok(contents)
}
