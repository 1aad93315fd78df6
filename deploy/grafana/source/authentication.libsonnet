local p = import '../panels.libsonnet';

p.dashboard('authentication', 'Authentication', 'Sign-ups, log-ins, tokens, sessions and password hashes.', [p.instance], [
  {
    title: 'Log-ins',
    panels: [
      p.number(
        'Log-ins that succeed',
        'Share of the log-ins of the last five minutes.',
        'percentunit',
        'sum(job_operation_outcome:portcullis_auth_operations:rate5m{job="portcullis", operation="login", outcome="ok"})'
        + ' / sum(job_operation_outcome:portcullis_auth_operations:rate5m{job="portcullis", operation="login"})',
        [[0, 'red'], [0.5, 'orange'], [0.8, 'green']]
      ).runbooks(['login-failure-spike']),
      p.number(
        'Sign-ups',
        'In the time range of the dashboard.',
        'short',
        'sum(increase(portcullis_auth_operations_total{job="portcullis", operation="register", outcome="ok"}[$__range]))',
        [[0, 'text']]
      ),
      p.number('Sessions', 'Sessions that have neither ended nor expired.', 'short', 'max(portcullis_sessions_live{job="portcullis"})', [[0, 'text']]),
      p.number(
        'Tokens reused',
        'Sessions ended in the time range because a replaced refresh token came back.',
        'short',
        'sum(increase(portcullis_tokens_total{job="portcullis", event="reuse_detected"}[$__range]))',
        [[0, 'green'], [1, 'red']]
      ).runbooks(['token-reuse']),
      p.number(
        'Age of the signing key',
        'Rotation is due after 90 days.',
        's',
        'max(portcullis_signing_key_age_seconds{job="portcullis"})',
        [[0, 'green'], [90 * 86400, 'orange']]
      ).runbooks(['signing-key-old']),
      p.number(
        'Hashes refused',
        'Log-ins and sign-ups per second that got 503 because the queue was full.',
        'ops',
        'sum(rate(portcullis_hash_pool_refused_total{job="portcullis"}[$__rate_interval]))',
        [[0, 'green'], [0.001, 'red']]
      ).runbooks(['hash-queue-full']),
      p.areas('Log-ins by outcome', 'Per second; "ok", or the code of the refusal.', 'ops', [
        ['job_operation_outcome:portcullis_auth_operations:rate5m{job="portcullis", operation="login"}', '{{outcome}}'],
      ]).runbooks(['login-failure-spike']),
      p.lines('Failed log-ins beside yesterday', 'Per second. The alert begins at four times the average of the day before.', 'ops', [
        ['job:portcullis_login_failures:rate10m{job="portcullis"}', 'now'],
        ['job:portcullis_login_failures:avg1d{job="portcullis"}', 'average of a day'],
      ]).runbooks(['login-failure-spike']),
    ],
  },
  {
    title: 'Accounts and tokens',
    panels: [
      p.areas('Operations that succeed', 'Per second, by what was asked for.', 'ops', [
        ['job_operation_outcome:portcullis_auth_operations:rate5m{job="portcullis", outcome="ok"}', '{{operation}}'],
      ]),
      p.lines('Operations that are refused', 'Per second, log-ins left out.', 'ops', [
        [
          'job_operation_outcome:portcullis_auth_operations:rate5m{job="portcullis", operation!="login", outcome!="ok"}',
          '{{operation}}: {{outcome}}',
        ],
      ]),
      p.lines('Tokens', 'Per second. "replayed": a refresh repeated within its grace, which is harmless.', 'ops', [
        ['sum by (event) (rate(portcullis_tokens_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))', '{{event}}'],
      ]).runbooks(['token-reuse']),
      p.lines('Sessions', 'Sessions that have neither ended nor expired.', 'short', [
        ['max(portcullis_sessions_live{job="portcullis"})', 'sessions'],
      ]),
    ],
  },
  {
    title: 'Password hashes',
    panels: [
      p.lines('Hash pool', 'Hashes that run and that wait; HASH_THREADS and HASH_QUEUE are the limits.', 'none', [
        ['portcullis_hash_pool_running{job="portcullis", instance=~"$instance"}', '{{instance}} running'],
        ['portcullis_hash_pool_waiting{job="portcullis", instance=~"$instance"}', '{{instance}} waiting'],
      ]).runbooks(['hash-queue-full']),
      p.lines('Wait for a thread', 'p99 and median.', 's', [
        ['job:portcullis_hash_wait_seconds:p99_rate5m{job="portcullis"}', 'p99'],
        [
          'histogram_quantile(0.5, sum by (le) (rate(portcullis_hash_wait_seconds_bucket{job="portcullis"}[$__rate_interval])))',
          'median',
        ],
      ]).runbooks(['hash-queue-full']),
      p.lines('Duration of a hash', 'Median by algorithm: it should be as long as its parameters make it, and steady.', 's', [
        [
          'histogram_quantile(0.5, sum by (algorithm, le) '
          + '(rate(portcullis_hash_duration_seconds_bucket{job="portcullis", instance=~"$instance"}[$__rate_interval])))',
          '{{algorithm}}',
        ],
      ]).runbooks(['slow']),
      p.lines('Hashes', 'Per second, by algorithm: old ones disappear as people log in.', 'ops', [
        [
          'sum by (algorithm) (rate(portcullis_hash_duration_seconds_count{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{algorithm}}',
        ],
      ]),
    ],
  },
])
