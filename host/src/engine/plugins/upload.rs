//! Uploads: a component becomes a version of its plugin, within the call or as a job.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use semver::Version;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::model::{
    DefinitionPath, Digest, Job, JobStatus, JobTask, Kind, Plugin, PluginVersion, Slug, UniqueId, UploadStage,
};
use crate::plugin::{Inspection, Progress, Refused};
use crate::store::{Expect, StoreError, draft};

use super::super::{Engine, EngineError, Result, definition_error};
use super::PluginVersionView;
use super::lines::line_draft;
use super::uses::schema_fault;

/// Uploads in memory at a time: each may be as large as a component may be.
pub(in super::super) const UPLOADS_MAX: usize = 4;
/// How long an upload waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(30);
/// Versions of one plugin.
const VERSIONS_MAX: usize = 1_000;
/// How often an upload is committed anew when others change the same plugin at the same time.
const CHANGE_TRIES_MAX: usize = 16;

/// A place among the uploads that are in memory.
pub struct UploadTurn(OwnedSemaphorePermit);

/// A component that was received whole.
pub struct Upload {
    component: Bytes,
    digest: Digest,
    _turn: OwnedSemaphorePermit,
}

impl UploadTurn {
    /// What was received in this turn, and its hash.
    pub fn received(self, component: Bytes, digest: Digest) -> Upload {
        Upload { component, digest, _turn: self.0 }
    }
}

/// How an upload that goes on by itself began.
pub enum UploadStarted {
    /// It was there already.
    Known(Box<PluginVersionView>),
    /// Finish it with [`Engine::finish_upload`], in a task of its own.
    Job(Box<StartedUpload>),
}

/// An upload that goes on by itself.
pub struct StartedUpload {
    /// The job that shows its progress.
    pub job: Job,
    revision: u64,
    space: Slug,
    upload: Upload,
    _mark: Mark,
}

/// The upload jobs that this process works on. Others that are said to run ended with the process that ran them.
pub(in super::super) type AtWork = Arc<Mutex<HashSet<UniqueId>>>;

/// Says that a job is at work, until it is dropped.
struct Mark(AtWork, UniqueId);

impl Mark {
    fn set(at_work: &AtWork, job: UniqueId) -> Self {
        at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
        Self(Arc::clone(at_work), job)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Engine {
    /// Waits for a place among the uploads in memory; ask before the body is read. Refuses what never can be taken.
    pub async fn upload_turn(&self, space: &Slug, name: &Slug) -> Result<UploadTurn> {
        self.space(space).await?;
        self.refuse_builtin(name)?;
        let turn = tokio::time::timeout(TURN_PATIENCE, Arc::clone(&self.uploads).acquire_owned()).await;
        let busy = || EngineError::Busy { what: "the upload".to_owned(), reason: "too many are under way".to_owned() };
        turn.ok().and_then(core::result::Result::ok).map(UploadTurn).ok_or_else(busy)
    }

    /// Makes an uploaded component a version; `false` if the very same one was there already. The first version of a
    /// plugin is live at once, others are staged.
    pub async fn upload_plugin(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        upload: Upload,
        author: &str,
    ) -> Result<(PluginVersionView, bool)> {
        self.take_upload(space, (name, version), &upload, (author, &|_| {})).await
    }

    async fn take_upload(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        upload: &Upload,
        (author, progress): (&str, Progress<'_>),
    ) -> Result<(PluginVersionView, bool)> {
        if let Some(known) = self.known_version(space, (name, version), upload.digest).await? {
            return Ok((known, false));
        }
        let kept = self.keep_upload(space, (name, version), upload, (author, progress)).await;
        if kept.is_err()
            && let Err(error) = self.let_go(upload.digest).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what is left of a refused upload was not removed"
            );
        }
        kept
    }

    /// Inspects a component, and keeps it as a version.
    async fn keep_upload(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        upload: &Upload,
        (author, progress): (&str, Progress<'_>),
    ) -> Result<(PluginVersionView, bool)> {
        let inspected = self.plugins.inspect_hashed(upload.component.clone(), upload.digest, progress).await;
        let Inspection { digest, size, exports, imports, description, trial } = inspected?;
        if let Some(fault) = description.as_ref().and_then(|d| schema_fault(&d.config_schema, &d.example_config)) {
            return Err(Refused::BadDescription { reason: fault }.into());
        }
        let plugin = PluginVersion {
            name: name.clone(),
            version: version.clone(),
            digest,
            size,
            exports,
            imports,
            description,
            trial,
            builtin: false,
            created_by: author.to_owned(),
            created_at: self.clock.now(),
        };
        let _kept = self.components.read().await;
        self.store.put_blob(upload.component.clone()).await?;
        self.commit_version(space, plugin).await
    }

    /// The version, if the same content was uploaded as it before: then nothing changes. Other content needs another
    /// version.
    async fn known_version(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        digest: Digest,
    ) -> Result<Option<PluginVersionView>> {
        let known = match self.bare_version(space, name, version).await {
            Err(EngineError::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        self.store.settle().await?;
        if known.digest == digest {
            return self.view_version(space, known).await.map(Some);
        }
        let detail =
            format!("{known} exists with other content, and versions never change: upload it as a new version");
        Err(EngineError::Refused { code: "version-exists", detail })
    }

    /// Commits a version together with its plugin.
    async fn commit_version(&self, space: &Slug, version: PluginVersion) -> Result<(PluginVersionView, bool)> {
        for _ in 0..CHANGE_TRIES_MAX {
            let former = self.find_line(space, &version.name).await?;
            let (plugin, expect) = match former {
                None => {
                    let (author, now) = (&version.created_by, version.created_at);
                    (Plugin::new(version.name.clone(), version.version.clone(), author, now), Expect::Absent)
                }
                Some(saved) => {
                    let mut plugin = saved.value;
                    plugin.versions.insert(version.version.clone());
                    plugin.updated_at = version.created_at;
                    (plugin, Expect::At(saved.revision))
                }
            };
            if plugin.versions.len() > VERSIONS_MAX {
                let detail = format!("{} has {VERSIONS_MAX} versions already: delete some first", plugin.name);
                return Err(EngineError::Refused { code: "too-many-versions", detail });
            }
            let mut own = draft(space, &version, Expect::Absent)?;
            own.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
            match self.definitions.commit(vec![own, line_draft(space, &plugin, expect)?]).await {
                Ok(_) => return Ok((self.view_of(space, version, &plugin).await?, true)),
                // Somebody uploaded the same version, or changed the plugin.
                Err(StoreError::Conflict { .. }) => {
                    let at = (&version.name, &version.version);
                    if let Some(known) = self.known_version(space, at, version.digest).await? {
                        return Ok((known, false));
                    }
                }
                Err(error) => return Err(definition_error(error, "plugin version", &version.to_string())),
            }
        }
        Err(EngineError::Changed { what: format!("plugin {:?}", version.name.as_str()) })
    }

    /// Begins an upload that goes on by itself; refuses what can be seen at once to be wrong.
    pub async fn start_upload(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        upload: Upload,
        author: &str,
    ) -> Result<UploadStarted> {
        if let Some(known) = self.known_version(space, (name, version), upload.digest).await? {
            return Ok(UploadStarted::Known(Box::new(known)));
        }
        self.plugins.glance(&upload.component)?;
        let stage = UploadStage::Received;
        let task = JobTask::UploadPlugin { plugin: name.clone(), version: version.clone(), stage };
        let job = self.new_job(None, task, author);
        let mark = Mark::set(&self.uploading, job.id);
        let revision = self.keep_new_job(space, &job).await?;
        let started = StartedUpload { job, revision, space: space.clone(), upload, _mark: mark };
        Ok(UploadStarted::Job(Box::new(started)))
    }

    /// Finishes an upload, noting in its job how far it is. One whose job was cancelled is dropped.
    pub async fn finish_upload(&self, mut started: StartedUpload) {
        let worked = match self.work_upload(&mut started).await {
            Ok(true) => Ok(()),
            Ok(false) => self.let_go(started.upload.digest).await,
            Err(error) => Err(error),
        };
        if let Err(error) = worked {
            let job = started.job.id;
            tracing::error!(%job, error = &error as &dyn std::error::Error, "an upload's progress was not kept");
        }
    }

    /// `false`: its job was cancelled, and whatever came of it is not wanted.
    async fn work_upload(&self, started: &mut StartedUpload) -> Result<bool> {
        let StartedUpload { job, revision, space, upload, .. } = started;
        let (space, upload) = (&*space, &*upload);
        let JobTask::UploadPlugin { plugin, version, .. } = &job.task else { return Ok(true) };
        let (at, author) = ((plugin.clone(), version.clone()), job.created_by.clone());
        let (tell, mut told) = watch::channel(UploadStage::Received);
        let progress = |stage| {
            tell.send_replace(stage);
        };
        let work = self.take_upload(space, (&at.0, &at.1), upload, (&author, &progress));
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                Ok(()) = told.changed() => {
                    let stage = *told.borrow_and_update();
                    if !self.note_stage(space, job, revision, (stage, JobStatus::Running)).await? {
                        return Ok(false);
                    }
                }
            }
        };
        let end = match done {
            Ok((view, _)) => {
                tracing::info!(space = space.as_str(), plugin = %view.version, by = author, "a plugin was uploaded");
                (UploadStage::Staged, JobStatus::Completed)
            }
            Err(error) => {
                job.error = Some(told_reason(error));
                (UploadStage::Refused, JobStatus::Failed)
            }
        };
        self.note_stage(space, job, revision, end).await
    }

    /// Keeps how far an upload is; `false` if its job changed meanwhile, which is to say that it was cancelled.
    async fn note_stage(
        &self,
        space: &Slug,
        job: &mut Job,
        revision: &mut u64,
        (to, status): (UploadStage, JobStatus),
    ) -> Result<bool> {
        if let JobTask::UploadPlugin { stage, .. } = &mut job.task {
            *stage = to;
        }
        (job.status, job.updated_at) = (status, self.clock.now());
        match self.definitions.commit(vec![draft(space, job, Expect::At(*revision))?]).await {
            Ok(kept) => {
                *revision = kept;
                Ok(true)
            }
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this process works on an upload.
    pub(in super::super) fn is_uploading(&self, job: UniqueId) -> bool {
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).contains(&job)
    }
}

/// Why an upload was refused, for its user; trouble of ours is logged.
fn told_reason(error: EngineError) -> String {
    match error {
        EngineError::Component(refused) if !matches!(refused, Refused::Host { .. }) => refused.to_string(),
        EngineError::Refused { detail, .. } => detail,
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "an upload failed");
            "something went wrong on the server's side; its log says what".to_owned()
        }
    }
}
