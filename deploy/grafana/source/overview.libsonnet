local p = import '../panels.libsonnet';

p.dashboard('overview', 'Overview', 'Rate, errors and duration of requests, and what is left of the objectives.', [p.route], [
  {
    title: 'Now',
    panels: [
      p.number('Instances', 'Instances that Prometheus reaches.', 'none', 'sum(up{job="portcullis"})', [[0, 'red'], [1, 'green']])
      .runbooks(['down', 'instance-down']),
      p.number('Requests', 'Requests per second, probes left out.', 'reqps', 'job:slo_requests:rate5m{job="portcullis"}', [[0, 'text']]),
      p.number(
        'Errors',
        'Share of requests of the last five minutes that failed through our fault (5xx).',
        'percentunit',
        'job:slo_errors:ratio_rate5m{job="portcullis"}',
        [[0, 'green'], [0.001, 'orange'], [0.0144, 'red']]
      ).runbooks(['error-budget-burn']),
      p.number(
        'p99 of log-ins',
        'Routes that hash passwords; the objective is 1 s for 99 of 100.',
        's',
        'job_class:http_server_request_duration_seconds:p99_rate5m{job="portcullis", class="hashing"}',
        [[0, 'green'], [1, 'orange'], [2.5, 'red']]
      ).runbooks(['slow']),
      p.number(
        'p99 of all others',
        'The objective is 100 ms for 99 of 100.',
        's',
        'job_class:http_server_request_duration_seconds:p99_rate5m{job="portcullis", class="other"}',
        [[0, 'green'], [0.1, 'orange'], [0.5, 'red']]
      ).runbooks(['slow']),
      p.number(
        'Error budget left',
        'Of the last 30 days, at 99.9 %. Below zero the objective is missed.',
        'percentunit',
        'job:slo_error_budget:left30d{job="portcullis"}',
        [[-100, 'red'], [0, 'orange'], [0.25, 'green']]
      ).runbooks(['error-budget-burn']),
      p.alerts('Alerts', 'What fires or is about to.'),
    ],
  },
  {
    title: 'Requests',
    panels: [
      p.areas('Rate by route', 'Requests per second.', 'reqps', [
        ['job_class_route:http_server_requests:rate5m{job="portcullis", route=~"$route"}', '{{route}}'],
      ]),
      p.areas('Rate by status', 'How requests end. "cancelled": the client did not wait; "error": the answer broke off.', 'reqps', [
        ['sum by (status) (job_class_route_status:http_server_requests:rate5m{job="portcullis", route=~"$route"})', '{{status}}'],
      ]),
      p.lines('Errors by route', 'Share of the requests of each route that failed through our fault.', 'percentunit', [
        ['job_class_route:http_server_request_errors:ratio_rate5m{job="portcullis", route=~"$route"}', '{{route}}'],
      ]).runbooks(['error-budget-burn']),
      p.lines('In flight', 'Requests that are being answered; 1024 an instance is the cap.', 'none', [
        ['http_server_requests_in_flight{job="portcullis"}', '{{instance}}'],
      ]),
      p.lines('Duration by route, median', 'To the last byte of the answer, errors left out.', 's', [
        ['job_class_route:http_server_request_duration_seconds:p50_rate5m{job="portcullis", route=~"$route"}', '{{route}}'],
      ]),
      p.lines('Duration by route, p99', 'To the last byte of the answer, errors left out.', 's', [
        ['job_class_route:http_server_request_duration_seconds:p99_rate5m{job="portcullis", route=~"$route"}', '{{route}}'],
      ]).runbooks(['slow']),
    ],
  },
  {
    title: 'Objectives',
    panels: [
      p.lines('Burn of the error budget', 'How many times too fast, by window; 1 uses the budget up in exactly 30 days.', 'none', [
        ['job:slo_errors:ratio_rate%s{job="portcullis"} / 0.001' % window, window]
        for window in ['5m', '1h', '6h', '3d']
      ]).limit(14.4).runbooks(['error-budget-burn']),
      p.lines('Slow answers', 'Share of answers beyond the objective of their class, within the hour; 1 % may.', 'percentunit', [
        ['job_class:slo_slow_answers:ratio_rate1h{job="portcullis"}', '{{class}}'],
      ]).limit(0.144).runbooks(['slow']),
    ],
  },
])
