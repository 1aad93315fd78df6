local p = import '../panels.libsonnet';

p.dashboard('abuse', 'Abuse', 'What limits, the defence of log-ins and the sanitiser hold back.', [p.instance], [
  {
    title: 'Limits',
    panels: [
      p.lines('Requests refused by a limit', 'Per second, by class.', 'reqps', [
        [
          'sum by (class) (rate(portcullis_limit_decisions_total{job="portcullis", instance=~"$instance", outcome="refused"}[$__rate_interval]))',
          '{{class}}',
        ],
      ]),
      p.lines('Share refused', 'Of the requests that each class of limits looked at.', 'percentunit', [
        [
          'sum by (class) (rate(portcullis_limit_decisions_total{job="portcullis", instance=~"$instance", outcome="refused"}[$__rate_interval]))'
          + ' / sum by (class) (rate(portcullis_limit_decisions_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{class}}',
        ],
      ]),
      p.lines('Keys', 'Networks, accounts and users that the limiter in each process remembers; their number is capped.', 'short', [
        ['sum by (class) (portcullis_limit_keys{job="portcullis", instance=~"$instance"})', '{{class}}'],
      ]),
      p.lines('Connections refused', 'Per second, before any request.', 'cps', [
        [
          'sum by (reason) (rate(portcullis_connections_refused_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{reason}}',
        ],
      ]).runbooks(['connection-cap-reached']),
    ],
  },
  {
    title: 'Log-ins',
    panels: [
      p.lines('Defence of log-ins', 'Attempts per second: counted as failed, refunded, refused, and networks that became blocked.', 'ops', [
        [
          'sum by (outcome) (rate(portcullis_login_defence_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{outcome}}',
        ],
      ]).runbooks(['login-failure-spike']),
      p.lines('Share of log-ins that fail', 'Of the last ten minutes.', 'percentunit', [
        ['job:portcullis_login_failures:ratio_rate10m{job="portcullis"}', 'failed'],
      ]).limit(0.5).runbooks(['login-failure-spike']),
      p.lines('Reused refresh tokens', 'Sessions ended in the last 15 minutes, about.', 'short', [
        ['sum(increase(portcullis_tokens_total{job="portcullis", event="reuse_detected"}[15m]))', 'reused'],
      ]).limit(20).runbooks(['token-reuse']),
      p.lines('Networks blocked', 'In the last hour, about.', 'short', [
        ['sum(increase(portcullis_login_defence_total{job="portcullis", outcome="network_blocked"}[1h]))', 'blocked'],
      ]).runbooks(['login-failure-spike']),
    ],
  },
  {
    title: 'Attacks in text',
    panels: [
      p.lines('Security events', 'Per second; one for each client and minute.', 'ops', [
        [
          'sum by (event_type) (rate(portcullis_audit_events_total{job="portcullis", event_type=~"security\\\\..*"}[$__rate_interval]))',
          '{{event_type}}',
        ],
      ]).limit(0.05).runbooks(['security-events']),
      p.lines('Findings of the sanitiser', 'Per second; every one.', 'ops', [
        [
          'sum by (kind) (rate(portcullis_sanitizer_findings_total{job="portcullis", instance=~"$instance"}[$__rate_interval]))',
          '{{kind}}',
        ],
      ]).limit(1).runbooks(['sanitizer-findings']),
      p.areas('Audit events', 'Per second, the ten most frequent types.', 'ops', [
        [
          'topk(10, sum by (event_type) (rate(portcullis_audit_events_total{job="portcullis", instance=~"$instance"}[$__rate_interval])))',
          '{{event_type}}',
        ],
      ]).width(24),
    ],
  },
])
