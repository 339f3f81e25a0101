//! Jobs: many deliveries sent again, page by page, in the order of their age. Such a job goes on where it was after a
//! restart; what it repeats then is recognised. The job of an upload only shows its progress: its work is a task of
//! its own, and ends with the process.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::delivery;
use crate::model::{
    Definition as _, DefinitionPath, Delivery, DeliveryStatus, Endpoint, Job, JobStatus, JobTask, Kind, Saved, Slug,
    Space, Time, UniqueId,
};
use crate::store::{
    DeliveryFilter, DeliveryStep, EventFilter, Expect, Order, Page, Publication, RepeatKey, Shared, Slice, StoreError,
    draft,
};

use super::runs::REPEAT_KEPT;
use super::{Engine, EngineError, Result};

/// Events or deliveries that a job looks at in one step.
const STEP_ITEMS: usize = 100;
/// Jobs kept of a space; the oldest that ended go when one is started.
const JOBS_KEPT: usize = 100;
/// How long jobs rest after trouble of ours.
const TROUBLE_REST: Duration = Duration::from_secs(5);

/// What a step of a job came to.
struct Stepped {
    looked_at: usize,
    sent: u64,
    next: Option<String>,
}

impl Engine {
    /// Starts a job on the deliveries of an endpoint.
    pub async fn start_job(&self, space: &Slug, endpoint: &Slug, task: JobTask, author: &str) -> Result<Job> {
        if let JobTask::Replay { since, until, .. } = &task
            && since >= until
        {
            return Err(EngineError::invalid("until", "it must be later than since"));
        }
        if self.definitions.shared::<Endpoint>(space, endpoint.as_str()).await?.is_none() {
            return Err(EngineError::not_found("endpoint", endpoint));
        }
        let job = self.new_job(Some(endpoint.clone()), task, author);
        self.keep_new_job(space, &job).await?;
        self.jobs_changed.notify_one();
        Ok(job)
    }

    /// A job that has not begun.
    pub(super) fn new_job(&self, endpoint: Option<Slug>, task: JobTask, author: &str) -> Job {
        let now = self.clock.now();
        Job {
            id: UniqueId::generate(),
            endpoint,
            task,
            status: JobStatus::Running,
            looked_at: 0,
            sent: 0,
            cursor: None,
            error: None,
            created_by: author.to_owned(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Keeps a new job; answers its revision.
    pub(super) async fn keep_new_job(&self, space: &Slug, job: &Job) -> Result<u64> {
        self.forget_old_jobs(space).await?;
        let mut draft = draft(space, job, Expect::Absent)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        Ok(self.definitions.commit(vec![draft]).await?)
    }

    async fn forget_old_jobs(&self, space: &Slug) -> Result<()> {
        let jobs = self.definitions.all::<Job>(space).await?;
        let ended = jobs.iter().filter(|job| job.status != JobStatus::Running);
        let many = (jobs.len() + 1).saturating_sub(JOBS_KEPT);
        for job in ended.take(many) {
            self.definitions.delete::<Job>(space, &job.id(), Expect::Any).await?;
        }
        Ok(())
    }

    /// Jobs of a space, oldest first.
    pub async fn jobs(&self, space: &Slug, page: Page) -> Result<Slice<Saved<Job>>> {
        self.space(space).await?;
        Ok(self.definitions.list(space, page).await?)
    }

    /// One job.
    pub async fn job(&self, space: &Slug, id: UniqueId) -> Result<Job> {
        let job = self.definitions.shared::<Job>(space, &id.to_string()).await?;
        Ok(Job::clone(&*job.ok_or_else(|| EngineError::not_found("job", id))?))
    }

    /// Ends a job. What it made due stays due.
    pub async fn cancel_job(&self, space: &Slug, id: UniqueId) -> Result<Job> {
        let job = self.job(space, id).await?;
        if job.status != JobStatus::Running {
            return Err(EngineError::Refused { code: "job-ended", detail: "the job has ended already".to_owned() });
        }
        let job = Job { status: JobStatus::Cancelled, updated_at: self.clock.now(), ..job };
        self.definitions.commit(vec![draft(space, &job, Expect::Any)?]).await?;
        Ok(job)
    }

    /// The job loop: steps every running job in turn, until `stop`.
    pub async fn work_jobs(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let rest = match self.step_jobs(&stop).await {
                Ok(true) => continue,
                Ok(false) => None,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "jobs rest");
                    Some(TROUBLE_REST)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.jobs_changed.notified() => {}
                () = tokio::time::sleep(rest.unwrap_or(Duration::MAX)) => {}
            }
        }
    }

    /// One step of each running job; whether there were any.
    async fn step_jobs(&self, stop: &CancellationToken) -> Result<bool> {
        let mut any = false;
        for space in self.definitions.all::<Space>(&self.home).await?.iter() {
            for job in self.definitions.all::<Job>(&space.id).await?.iter() {
                if job.status != JobStatus::Running || stop.is_cancelled() || self.is_uploading(job.id) {
                    continue;
                }
                any = true;
                self.step_job(&space.id, job).await?;
            }
        }
        Ok(any)
    }

    async fn step_job(&self, space: &Slug, job: &Shared<Job>) -> Result<()> {
        let mut next = Job { updated_at: self.clock.now(), ..Job::clone(job) };
        match self.step_task(space, job).await? {
            Ok(stepped) => {
                next.looked_at += stepped.looked_at as u64;
                next.sent += stepped.sent;
                next.status = if stepped.next.is_some() { JobStatus::Running } else { JobStatus::Completed };
                next.cursor = stepped.next;
            }
            Err(reason) => (next.status, next.error) = (JobStatus::Failed, Some(reason.to_owned())),
        }
        let draft = draft(space, &next, Expect::At(job.saved().revision))?;
        match self.definitions.commit(vec![draft]).await {
            // It was cancelled meanwhile.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// One step of what a job does; or why it cannot go on.
    async fn step_task(&self, space: &Slug, job: &Job) -> Result<Result<Stepped, &'static str>> {
        let endpoint = match &job.endpoint {
            Some(endpoint) => self.definitions.shared::<Endpoint>(space, endpoint.as_str()).await?,
            None => None,
        };
        match (&job.task, endpoint) {
            (JobTask::UploadPlugin { .. }, _) => Ok(Err("the server stopped before it was done: upload it again")),
            (_, None) => Ok(Err("the endpoint was deleted")),
            (JobTask::RetryFailed { since }, Some(_)) => self.retry_page(space, job, *since).await.map(Ok),
            (JobTask::Replay { since, until, kind }, Some(endpoint)) => {
                self.replay_page(space, job, &endpoint, ((*since, *until), kind.clone())).await.map(Ok)
            }
        }
    }

    async fn retry_page(&self, space: &Slug, job: &Job, since: Option<Time>) -> Result<Stepped> {
        let filter = DeliveryFilter {
            endpoint: job.endpoint.clone(),
            status: Some(DeliveryStatus::Failed),
            since,
            until: Some(job.created_at),
            order: Order::OldestFirst,
            ..DeliveryFilter::default()
        };
        let slice = self.store.deliveries(space, &filter, step_page(job)).await?;
        let mut sent = 0;
        let looked_at = slice.items.len();
        for failed in slice.items {
            let again = failed.again(self.clock.now());
            match self.store.advance_delivery(DeliveryStep::of(again)).await {
                Ok(()) => sent += 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Stepped { looked_at, sent, next: slice.next })
    }

    async fn replay_page(
        &self,
        space: &Slug,
        job: &Job,
        endpoint: &Shared<Endpoint>,
        ((since, until), kind): ((Time, Time), Option<String>),
    ) -> Result<Stepped> {
        let filter =
            EventFilter { kind, since: Some(since), until: Some(until), text: None, order: Order::OldestFirst };
        let slice = self.store.events(space, &filter, step_page(job)).await?;
        let looked_at = slice.items.len();
        let mut publications = Vec::new();
        for event in slice.items {
            if delivery::wants(endpoint, &event) && self.passes_filter(endpoint, &event).await? {
                let now = self.clock.now();
                let repeat =
                    RepeatKey { scope: format!("job/{}", job.id), key: event.id.to_string(), keep: REPEAT_KEPT };
                let delivery = Delivery::new(&event, &endpoint.id, endpoint.policy.ordered.is_some(), (now, now));
                publications.push(Publication {
                    event: Arc::new(event),
                    deliveries: vec![delivery],
                    repeat: Some(repeat),
                });
            }
        }
        let sent = publications.len() as u64;
        if !publications.is_empty() {
            self.commit_publications(publications).await?;
        }
        Ok(Stepped { looked_at, sent, next: slice.next })
    }
}

fn step_page(job: &Job) -> Page {
    Page { cursor: job.cursor.clone(), limit: STEP_ITEMS }
}
