//! Drops steps whose results nothing reads.

use super::draft::Draft;

/// From the last step to the first, so that what served only a dropped step goes too.
pub(super) fn remove(draft: &mut Draft) {
    for index in (0..draft.step_count()).rev() {
        let dead = draft.step(index).is_some_and(|step| step.outputs.iter().all(|output| draft.unread(*output)));
        if dead {
            draft.take(index);
        }
    }
}
