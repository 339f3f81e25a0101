//! What every engine promises, as tests. An engine brings a [`Harness`] and runs them all with `contract_tests!`.

pub(crate) mod captures;
pub(crate) mod definitions;
pub(crate) mod deliveries;
pub(crate) mod due;
pub(crate) mod durability;
pub(crate) mod events;
mod fixtures;
pub(crate) mod records;
pub(crate) mod runs;
pub(crate) mod states;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::model::Time;
use crate::store::Store;

pub(crate) use fixtures::*;

/// How the tests get at an engine.
pub(crate) trait Harness: Send + Sync {
    /// Opens the same data as the last time; the last store has been closed.
    fn open(&self) -> Arc<dyn Store>;

    /// A store elsewhere, holding what `backup` holds.
    fn restore(&self, backup: &[u8]) -> Arc<dyn Store>;

    /// The clock of the stores.
    fn clock(&self) -> &TestClock;
}

/// A clock that stands still until it is set.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// 2023-11-14.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }

    pub(crate) fn advance_millis(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// All promises, for the engine that `$harness` (a path to a function without arguments) makes a harness of.
macro_rules! contract_tests {
    ($harness:path) => {
        crate::store::contract::promises! { $harness;
            definitions: [
                all_drafts_are_saved_or_none,
                revisions_count_saves,
                a_save_that_expects_otherwise_conflicts,
                a_reference_to_what_is_missing_is_refused,
                what_is_referred_to_cannot_be_deleted,
                a_new_revision_replaces_the_references,
                an_alias_belongs_to_one_definition,
                a_definition_is_found_by_its_current_alias_only,
                listings_are_by_id_and_complete,
                spaces_are_listed_over_all_spaces,
                a_definition_of_a_megabyte_reads_back,
                what_is_granted_goes_with_its_plugin_version,
                definitions_go_together_or_not_at_all,
                random_commits_agree_with_a_map,
            ]
            records: [
                a_change_commits_only_on_the_state_it_was_computed_from,
                a_record_of_a_megabyte_shrinks_and_goes,
                deleting_says_whether_there_was_one,
                random_commits_agree_with_a_map,
            ]
            runs: [
                a_refused_acceptance_leaves_nothing,
                a_repeated_call_answers_the_first_run,
                of_many_calls_with_one_key_one_is_accepted,
                a_repeat_key_is_forgotten_after_its_time,
                a_run_is_accepted_once,
                a_step_of_an_old_revision_conflicts,
                a_step_commits_everything_or_nothing,
                history_is_kept_in_order,
                history_may_be_added_to_a_final_run,
                a_large_input_stays_with_its_run,
                listings_are_newest_first_and_complete,
                listings_filter_by_workflow_and_status,
                a_listing_misses_no_run_that_ends_meanwhile,
                other_spaces_see_nothing,
                a_run_may_be_final_when_accepted,
            ]
            states: [
                a_value_commits_only_on_the_version_it_was_computed_from,
                plugins_and_spaces_are_apart,
                the_size_of_what_a_plugin_keeps_is_known,
                clearing_goes_in_bounded_steps,
                there_is_an_end_to_what_a_plugin_keeps,
            ]
            due: [
                an_accepted_run_is_due_at_once,
                a_claimed_run_is_not_claimed_again,
                the_oldest_due_is_claimed_first,
                a_timer_is_never_early,
                a_waiting_claim_wakes_when_a_run_is_accepted,
                a_waiting_claim_wakes_when_a_timer_is_due,
                a_step_that_is_due_gives_the_run_back,
                a_step_without_due_keeps_the_claim,
                a_claimed_run_can_be_cancelled,
                a_released_run_is_due_when_told,
                a_claim_gives_the_newest_state,
                a_backlog_larger_than_memory_is_claimed_whole,
            ]
            events: [
                events_are_newest_first_and_complete,
                events_are_found_by_type,
                the_newest_rejections_are_kept_and_all_counted,
                a_deleted_trigger_forgets_its_rejections,
                the_newest_judged_calls_are_kept_until_their_trigger_goes,
            ]
            deliveries: [
                a_delivery_commits_with_its_event,
                a_repeated_publication_answers_the_first_event,
                a_lane_is_taken_by_one,
                what_is_due_is_claimed_oldest_first_and_once,
                a_retry_is_never_early,
                a_lane_that_rests_or_is_held_is_not_taken,
                a_held_backlog_larger_than_memory_is_claimed_whole,
                a_step_of_an_old_delivery_conflicts,
                a_step_commits_attempt_endpoint_and_events,
                ordered_deliveries_follow_each_other,
                after_a_restart_what_was_claimed_is_due_again,
                deliveries_are_found_by_what_they_are,
            ]
            captures: [
                a_request_reads_back_whole_with_its_number,
                requests_are_newest_first_and_complete,
                a_long_body_is_listed_in_part,
                the_first_so_many_fail_until_a_save_or_a_clearing_counts_anew,
                only_the_newest_are_kept,
                requests_to_a_bin_that_changed_conflict,
                clearing_goes_in_bounded_steps,
                old_requests_are_pruned_by_age,
                a_bin_made_anew_has_nothing_of_the_deleted_one,
                numbers_and_rounds_go_on_after_a_restart,
            ]
            durability: [
                everything_is_there_after_reopening,
                a_cursor_of_another_listing_is_refused,
                after_a_restart_live_runs_are_unclaimed_and_timers_kept,
                a_blob_of_12_megabytes_reads_back,
                a_removed_blob_is_gone_and_can_be_put_again,
                concurrent_commits_all_succeed,
                a_closed_store_refuses,
                a_backup_under_load_is_one_state,
            ]
        }
    };
}
pub(crate) use contract_tests;

/// A module per group, a test per promise.
macro_rules! promises {
    ($harness:path; $($module:ident: [$($promise:ident),* $(,)?])*) => {$(
        mod $module {
            $(#[tokio::test]
            async fn $promise() {
                let harness = $harness();
                crate::store::contract::$module::$promise(&harness).await;
            })*
        }
    )*};
}
pub(crate) use promises;
