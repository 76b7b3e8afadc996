--
-- Create model AccountState
--
CREATE TABLE `django_liveactivity_accountstate` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL UNIQUE, `next_update_at` bigint NOT NULL, `alarm_at` bigint NOT NULL, `is_unresponsive` bool NOT NULL, `frozen_until` bigint NOT NULL, `freezes` integer UNSIGNED NOT NULL CHECK (`freezes` >= 0), `blocked_since` bigint NULL, `blocked_reason` varchar(255) NOT NULL, `refused_key` varchar(16) DEFAULT '' NOT NULL, `vendor_words` varchar(255) DEFAULT '' NOT NULL, `probe_at` bigint NOT NULL, `probes` integer UNSIGNED NOT NULL CHECK (`probes` >= 0), `failures` integer UNSIGNED NOT NULL CHECK (`failures` >= 0), `failed_lanes` json NOT NULL, `billing_since` bigint NULL, `billing_probe_at` bigint NOT NULL, `billing_probes` integer UNSIGNED NOT NULL CHECK (`billing_probes` >= 0), `limit_since` bigint NULL, `limit_probe_at` bigint NOT NULL, `limit_probes` integer UNSIGNED NOT NULL CHECK (`limit_probes` >= 0), `known_address` varchar(64) DEFAULT '' NOT NULL, `alerted_at` bigint NULL);
--
-- Create model Heartbeat
--
CREATE TABLE `django_liveactivity_heartbeat` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `beat_at` bigint NULL, `scheduled_until` bigint DEFAULT 0 NOT NULL, `counted_through` bigint DEFAULT 0 NOT NULL, `count_fence` bigint DEFAULT 0 NOT NULL);
--
-- Create model DrainPermit
--
CREATE TABLE `django_liveactivity_drainpermit` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `number` smallint UNSIGNED NOT NULL CHECK (`number` >= 0), `lease_until` bigint NOT NULL, `fence` bigint NOT NULL, CONSTRAINT `dla_one_permit` UNIQUE (`account`, `number`));
--
-- Create model EndBatch
--
CREATE TABLE `django_liveactivity_endbatch` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `ranges` json NOT NULL, `actor` varchar(255) NOT NULL, `created_at` bigint NOT NULL, `ended_at` bigint NULL);
--
-- Create model Lane
--
CREATE TABLE `django_liveactivity_lane` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `digest` varchar(64) NOT NULL, `stream_key` varchar(255) NOT NULL, `activity_id` varchar(255) NOT NULL, `lease_until` bigint NOT NULL, `fence` bigint NOT NULL, `open_attempt` bigint NOT NULL, `ever_called` bool NOT NULL, `generation` integer UNSIGNED NOT NULL CHECK (`generation` >= 0), `ended_through_id` bigint NOT NULL, `ended_through_at` bigint NOT NULL, `newest_content_id` bigint NOT NULL, `displayed_id` bigint NOT NULL, `hidden_because` varchar(8) NOT NULL, `cards` json NOT NULL, `ambiguous_until` bigint NOT NULL, `stream_ambiguous_until` bigint NOT NULL, `deadline_at` bigint NULL, CONSTRAINT `dla_one_lane` UNIQUE (`account`, `digest`));
--
-- Create model LiveActivity
--
CREATE TABLE `django_liveactivity_liveactivity` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `lane_digest` varchar(64) NOT NULL, `stream_key` varchar(255) NOT NULL, `activity_id` varchar(255) NOT NULL, `subject_scope` varchar(128) NOT NULL, `subject_model` varchar(255) NOT NULL, `subject_pk` varchar(255) NOT NULL, `tracked_by` varchar(255) NOT NULL, `channels` json NULL, `title` longtext NOT NULL, `type` varchar(20) NOT NULL, `created_at` bigint NOT NULL, `status` varchar(16) NOT NULL, `generation` integer UNSIGNED NOT NULL CHECK (`generation` >= 0), `needs_attention` bool NOT NULL, `evicted_by` bigint NULL, `ended_at` bigint NULL);
--
-- Create model MetricTotal
--
CREATE TABLE `django_liveactivity_metrictotal` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `metric` varchar(8) NOT NULL, `operation` varchar(8) NOT NULL, `outcome` varchar(16) NOT NULL, `bound` bigint NOT NULL, `count` bigint NOT NULL, `duration` bigint NOT NULL, `settled_count` bigint NOT NULL, `settled_duration` bigint NOT NULL, CONSTRAINT `dla_one_total` UNIQUE (`metric`, `operation`, `outcome`, `bound`));
--
-- Create model Operation
--
CREATE TABLE `django_liveactivity_operation` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `lane_digest` varchar(64) NOT NULL, `kind` varchar(8) NOT NULL, `content` json NULL, `options` json NOT NULL, `dismiss_seconds` integer UNSIGNED NULL CHECK (`dismiss_seconds` >= 0), `time_to_live` bigint NULL, `due_at` bigint NOT NULL, `source` varchar(16) NOT NULL, `actor` varchar(255) NOT NULL, `reason` longtext NOT NULL, `created_at` bigint NOT NULL, `state` varchar(16) NOT NULL, `outcome` varchar(16) NOT NULL, `rank` smallint NOT NULL, `next_try_at` bigint NULL, `tries` integer UNSIGNED NOT NULL CHECK (`tries` >= 0), `failures` integer UNSIGNED NOT NULL CHECK (`failures` >= 0), `first_tried_at` bigint NULL, `stripped` bool NOT NULL, `inherited_options` json NOT NULL, `needs_attention` bool NOT NULL, `acknowledged_at` bigint NULL, `finished_at` bigint NULL, `activity_id` bigint NOT NULL, `batch_id` bigint NULL);
--
-- Create model Attempt
--
CREATE TABLE `django_liveactivity_attempt` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `number` integer UNSIGNED NOT NULL CHECK (`number` >= 0), `endpoint` varchar(16) NOT NULL, `started_at` bigint NOT NULL, `key_fingerprint` varchar(16) DEFAULT '' NOT NULL, `status` smallint UNSIGNED NULL CHECK (`status` >= 0), `outcome` varchar(16) NOT NULL, `answer` longtext NOT NULL, `error` varchar(255) NOT NULL, `duration_ms` integer UNSIGNED NULL CHECK (`duration_ms` >= 0), `operation_id` bigint NOT NULL);
--
-- Create model OperatorAction
--
CREATE TABLE `django_liveactivity_operatoraction` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `kind` varchar(16) NOT NULL, `actor` varchar(255) NOT NULL, `reason` longtext NOT NULL, `created_at` bigint NOT NULL, `applied_at` bigint NULL, `operation_id` bigint NULL);
--
-- Create model RateLimitSlot
--
CREATE TABLE `django_liveactivity_ratelimitslot` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `number` integer UNSIGNED NOT NULL CHECK (`number` >= 0), `free_at` bigint NOT NULL, `fence` bigint NOT NULL, CONSTRAINT `dla_one_slot` UNIQUE (`account`, `number`));
--
-- Create model TrackingFailure
--
CREATE TABLE `django_liveactivity_trackingfailure` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `tracked_by` varchar(255) NOT NULL, `subject_model` varchar(255) NOT NULL, `subject_pk` varchar(255) NOT NULL, `subject_scope` varchar(128) NOT NULL, `error` varchar(255) NOT NULL, `created_at` bigint NOT NULL);
--
-- Create model KnownActivityId
--
CREATE TABLE `django_liveactivity_knownactivityid` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `account` varchar(64) NOT NULL, `id_digest` varchar(64) NOT NULL, `activity_id` bigint NOT NULL);
--
-- Create index dla_due on field(s) account, rank, next_try_at of model operation
--
CREATE INDEX `dla_due` ON `django_liveactivity_operation` (`account`, `rank`, `next_try_at`);
--
-- Create index dla_due_accounts on field(s) rank, next_try_at, account of model operation
--
CREATE INDEX `dla_due_accounts` ON `django_liveactivity_operation` (`rank`, `next_try_at`, `account`);
--
-- Create index dla_op_lane on field(s) account, lane_digest, state, id of model operation
--
CREATE INDEX `dla_op_lane` ON `django_liveactivity_operation` (`account`, `lane_digest`, `state`, `id`);
--
-- Create index dla_op_kind on field(s) account, lane_digest, kind, id of model operation
--
CREATE INDEX `dla_op_kind` ON `django_liveactivity_operation` (`account`, `lane_digest`, `kind`, `id`);
--
-- Create index dla_op_activity on field(s) activity, id of model operation
--
CREATE INDEX `dla_op_activity` ON `django_liveactivity_operation` (`activity_id`, `id`);
--
-- Create index dla_op_batch on field(s) batch, state of model operation
--
CREATE INDEX `dla_op_batch` ON `django_liveactivity_operation` (`batch_id`, `state`);
--
-- Create index dla_attempt_op on field(s) operation, number of model attempt
--
CREATE INDEX `dla_attempt_op` ON `django_liveactivity_attempt` (`operation_id`, `number`);
--
-- Create index dla_action_due on field(s) applied_at, account of model operatoraction
--
CREATE INDEX `dla_action_due` ON `django_liveactivity_operatoraction` (`applied_at`, `account`);
CREATE INDEX `dla_batch_created` ON `django_liveactivity_endbatch` (`created_at`);
CREATE INDEX `dla_lane_deadline` ON `django_liveactivity_lane` (`account`, `deadline_at`);
CREATE INDEX `dla_deadline` ON `django_liveactivity_lane` (`deadline_at`, `account`);
CREATE INDEX `dla_lane` ON `django_liveactivity_liveactivity` (`account`, `lane_digest`, `id`);
CREATE INDEX `dla_subject` ON `django_liveactivity_liveactivity` (`subject_model`, `subject_pk`, `account`, `subject_scope`);
CREATE INDEX `dla_account` ON `django_liveactivity_liveactivity` (`account`, `id`);
CREATE INDEX `dla_status` ON `django_liveactivity_liveactivity` (`status`, `id`);
CREATE INDEX `dla_ended` ON `django_liveactivity_liveactivity` (`ended_at`);
CREATE INDEX `dla_attention` ON `django_liveactivity_liveactivity` (`needs_attention`, `account`);
CREATE INDEX `django_liveactivity_operatoraction_operation_id_02c5339e` ON `django_liveactivity_operatoraction` (`operation_id`);
CREATE INDEX `dla_slot_free` ON `django_liveactivity_ratelimitslot` (`account`, `free_at`);
CREATE INDEX `dla_failure` ON `django_liveactivity_trackingfailure` (`created_at`, `account`);
CREATE INDEX `django_liveactivity_knownactivityid_activity_id_4200e18f` ON `django_liveactivity_knownactivityid` (`activity_id`);
CREATE INDEX `dla_known_id` ON `django_liveactivity_knownactivityid` (`account`, `id_digest`);
