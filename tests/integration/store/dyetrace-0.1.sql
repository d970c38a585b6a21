BEGIN TRANSACTION;
CREATE TABLE tasks (
	id VARCHAR(16) NOT NULL, 
	cloud VARCHAR NOT NULL, 
	filter VARCHAR NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	opened_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	request JSON NOT NULL, 
	answer JSON, 
	error VARCHAR, 
	cancel_requested INTEGER NOT NULL, 
	runner_pid INTEGER, 
	runner_started INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "tasks" VALUES('0000000000000001','blue','dst=10.0.2.21/32','done','2026-01-01 12:30:00.250000','2026-01-01 12:31:00.000000','{"filter": {"dst": "10.0.2.21/32"}, "packet_count": 20, "trace_time_s": 30.0, "packets_per_second": 1000}','{"verdict": "LOST", "lost": 20, "summary": "20 of 20 packets lost: d\u00fcnne Leitung"}',NULL,0,11451,1333278);
INSERT INTO "tasks" VALUES('0000000000000002','blue','dst=10.0.2.21/32','failed','2026-01-02 12:30:00.250000','2026-01-02 12:31:00.000000','{"filter": {"dst": "10.0.2.21/32"}, "packet_count": 20, "trace_time_s": 30.0, "packets_per_second": 1000}','null','no agent answers',0,11451,1333278);
INSERT INTO "tasks" VALUES('0000000000000003','blue','dst=10.0.2.21/32','cancelled','2026-01-03 12:30:00.250000','2026-01-03 12:31:00.000000','{"filter": {"dst": "10.0.2.21/32"}, "packet_count": 20, "trace_time_s": 30.0, "packets_per_second": 1000}','null','stopped by its user',0,11451,1333278);
INSERT INTO "tasks" VALUES('0000000000000004','host','src_vm=web','tracing','2026-01-04 12:30:00.250000',NULL,'{"filter": {"dst": "10.0.2.21/32"}, "packet_count": 20, "trace_time_s": 30.0, "packets_per_second": 1000}',NULL,NULL,0,4194000,17);
CREATE UNIQUE INDEX one_active_task_per_filter ON tasks (cloud, filter) WHERE (state NOT IN ('done', 'failed', 'cancelled'));
COMMIT;
