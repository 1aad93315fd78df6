local p = import '../panels.libsonnet';

p.dashboard('dependencies', 'Dependencies', 'PostgreSQL, Redis, mail, and the work beside requests.', [p.instance], [
  {
    title: 'PostgreSQL',
    panels: [
      p.lines('Connections', 'In use and idle, and the most that the pool may open.', 'none', [
        ['sum by (state) (portcullis_db_pool_connections{job="portcullis", instance=~"$instance"})', '{{state}}'],
        ['sum(portcullis_db_pool_max{job="portcullis", instance=~"$instance"})', 'most'],
      ]).runbooks(['database-pool-exhausted']),
      p.lines('Requests that wait for a connection', 'Above zero for minutes, the pool is too small or queries are too slow.', 'none', [
        ['portcullis_db_pool_waiting{job="portcullis", instance=~"$instance"}', '{{instance}}'],
      ]).runbooks(['database-pool-exhausted']),
      p.lines('Wait for a connection, p99', 'Of the requests of five minutes.', 's', [
        ['job:portcullis_db_pool_wait_seconds:p99_rate5m{job="portcullis"}', 'p99'],
      ]).runbooks(['database-pool-exhausted']),
      p.lines('Slowest queries, p99', 'The ten slowest, by name.', 's', [
        ['topk(10, job_query:portcullis_db_query_duration_seconds:p99_rate5m{job="portcullis"})', '{{query}}'],
      ]).runbooks(['slow']),
      p.lines('Queries', 'Per second, the ten most frequent.', 'ops', [
        [
          'topk(10, sum by (query) (rate(portcullis_db_query_duration_seconds_count{job="portcullis", instance=~"$instance"}[$__rate_interval])))',
          '{{query}}',
        ],
      ]),
      p.lines('Time in the database by query', 'Seconds per second: what to speed up first.', 's', [
        [
          'topk(10, sum by (query) (rate(portcullis_db_query_duration_seconds_sum{job="portcullis", instance=~"$instance"}[$__rate_interval])))',
          '{{query}}',
        ],
      ]),
    ],
  },
  {
    title: 'Redis',
    panels: [
      p.lines('Redis', '1: it answers. Without it every instance limits by itself.', 'none', [
        ['portcullis_redis_up{job="portcullis", instance=~"$instance"}', '{{instance}} answers'],
        ['portcullis_limit_store_up{job="portcullis", instance=~"$instance"}', '{{instance}} shares limits'],
      ]).runbooks(['redis-fallback']),
      p.lines('Fallbacks', 'How often, in 30 minutes, an instance gave Redis up for a while.', 'short', [
        ['sum by (instance) (increase(portcullis_limit_store_fallbacks_total{job="portcullis", instance=~"$instance"}[30m]))', '{{instance}}'],
      ]).limit(3).runbooks(['redis-fallback']),
    ],
  },
  {
    title: 'Mail',
    panels: [
      p.lines('Outbox', 'Mails that wait to be sent, failed ones before their next try included.', 'short', [
        ['max(portcullis_mail_queued{job="portcullis"})', 'queued'],
      ]).runbooks(['mail-outbox-old']),
      p.lines('Age of the oldest mail', 'Links to reset a password live for an hour.', 's', [
        ['max(portcullis_mail_oldest_queued_seconds{job="portcullis"})', 'oldest'],
      ]).limit(300).runbooks(['mail-outbox-old']),
      p.lines('Mails by outcome', 'Per second.', 'ops', [
        [
          'sum by (kind, outcome) (rate(portcullis_mail_jobs_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{kind}}: {{outcome}}',
        ],
      ]).runbooks(['mail-outbox-old']),
      p.lines('Time to hand a mail over, p99', 'From connecting to the mail server to its acceptance.', 's', [
        [
          'histogram_quantile(0.99, sum by (le) '
          + '(rate(portcullis_mail_send_duration_seconds_bucket{job="portcullis", instance=~"$instance"}[$__rate_interval])))',
          'p99',
        ],
      ]).runbooks(['mail-outbox-old']),
    ],
  },
  {
    title: 'Work beside requests',
    panels: [
      p.lines('Lag of the audit seals', 'Age of the oldest entry without a seal.', 's', [
        ['max(portcullis_audit_seal_lag_seconds{job="portcullis"})', 'lag'],
      ]).limit(900).runbooks(['audit-seal-lag']),
      p.lines('Audit rows', 'Per second: sealed, and refusals that found no room in the buffer.', 'ops', [
        ['sum(rate(portcullis_audit_sealed_rows_total{job="portcullis"}[$__rate_interval]))', 'sealed'],
        ['sum(rate(portcullis_audit_lost_total{job="portcullis"}[$__rate_interval]))', 'lost'],
      ]).runbooks(['audit-lost']),
      p.lines('Sweepers: time since the last success', 'Of whichever instance did the work.', 's', [
        ['time() - max by (sweeper) (portcullis_sweeper_last_success_timestamp_seconds{job="portcullis"})', '{{sweeper}}'],
      ]).limit(6 * 3600).runbooks(['sweeper-stalled']),
      p.lines('Sweepers: rows', 'Removed or erased in an hour, by table.', 'short', [
        ['sum by (table) (increase(portcullis_sweeper_rows_total{job="portcullis"}[1h]))', '{{table}}'],
      ]).runbooks(['sweeper-stalled']),
    ],
  },
])
