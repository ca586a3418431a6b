# The dashboard of examples/monitoring: Prometheus answers each of its queries with counters of the module, and its upper
# rows are drawn of that, for there is no Grafana here.  The hours are made up: each scrape gets a time a minute later.
# VCITA_SCREENSHOTS=docs/screenshots keeps the picture that docs/operations.md shows (make screenshots).

use lib 't/lib';
use VcitaChromium;
use VcitaRedis;
use VcitaTest;
use VcitaCheck;

use File::Temp ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();

repeat_each(1);

# 2 March 2026, 09:00 UTC, and two hours
my ($FROM, $MINUTES) = (1772442000, 120);
my $PORT = server_port() + 13;
my $JSON = JSON::PP->new->utf8->canonical;

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

sub VcitaFlow::Code::dashboard { return $JSON->decode(slurp(($ENV{VCITA_EXAMPLES} // 'examples') . '/monitoring/vcita-oauth.dashboard.json')) }

# the status page, as Prometheus would have it at that minute
sub VcitaFlow::Code::scrape {
    my ($minute) = @_;
    my $time = $FROM + 60 * $minute;
    my $text = '';
    for (grep { !/^#/ } split /\n/, VcitaFlow::browser()->get('/status')->body) {
        my ($name, $labels, $value) = /^(\w+)(?:\{(.*)\})? (\S+)$/ or die "a line: $_\n";
        $labels = join ',', 'job="vcita-oauth"', 'instance="portal1.example.com"', grep { length } $labels // '';
        $text .= "$name\{$labels\} $value $time\n";
    }
    return $text =~ s/127\.0\.0\.1:\d+/redis.example.com/gr;
}

# a Prometheus that has these scrapes; it ends with the object
sub VcitaFlow::Code::prometheus {
    my ($text) = @_;
    my $dir = File::Temp->newdir('vcita-prometheus-' . 'X' x 6, TMPDIR => 1);
    for (['metrics', "$text# EOF\n"], ['prometheus.yml', "global: {}\n"]) {
        open my $fh, '>', "$dir/$_->[0]" or die "$dir/$_->[0]: $!\n";
        print $fh $_->[1];
        close $fh or die "$dir/$_->[0]: $!\n";
    }
    my $said = `promtool tsdb create-blocks-from openmetrics $dir/metrics $dir/data 2>&1`;
    die "promtool: $said\n" if $?;

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        delete @ENV{qw( LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS )};
        exec 'prometheus', "--config.file=$dir/prometheus.yml", "--storage.tsdb.path=$dir/data",
             '--storage.tsdb.retention.time=100y', "--web.listen-address=127.0.0.1:$PORT" or POSIX::_exit(127);
    }
    my $prometheus = bless { dir => $dir, pid => $pid, owner => $$ }, 'Prometheus';
    VcitaFlow::wait_for(sub {
        die "prometheus has ended:\n" . slurp("$dir/log") if waitpid $pid, POSIX::WNOHANG();
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$PORT") && VcitaFlow::browser()->get("http://127.0.0.1:$PORT/-/ready")->status == 200;
    }, 60, 'prometheus');
    return $prometheus;
}

sub Prometheus::DESTROY {
    my ($self) = @_;
    local ($?, $!);
    if ($self->{owner} == $$) { kill TERM => $self->{pid}; waitpid $self->{pid}, 0 }
}

# what a target of a panel shows: name and points of each line
sub Prometheus::series {
    my (undef, $target) = @_;
    my $expr = $target->{expr} =~ s/\$__rate_interval/4m/gr =~ s/\$__range/${MINUTES}m/gr =~ s/\$(?:job|instance)\b/.+/gr;
    my $end = $FROM + 60 * $MINUTES;
    my $r = VcitaFlow::browser()->get("http://127.0.0.1:$PORT/api/v1/" . ($target->{instant}
        ? "query?time=$end&" : "query_range?start=@{[ $FROM + 300 ]}&end=$end&step=60&") . 'query=' . VcitaFlow::escape($expr));
    die "$expr: " . $r->body . "\n" if $r->status != 200;
    return map {
        my $of = $_->{metric};
        { name => $target->{legendFormat} =~ s/\{\{(\w+)\}\}/$of->{$1}/gr,
          points => [ map { [ $_->[0] + 0, $_->[1] + 0 ] } grep { $_->[1] ne 'NaN' } @{ $_->{values} // [ $_->{value} ] } ] };
    } @{ $JSON->decode($r->body)->{data}{result} };
}

# light and dark, of a page as high as it is
sub VcitaFlow::Code::draw {
    my ($name, @panels) = @_;
    my $data = $JSON->encode({ panels => \@panels, from => $FROM, to => $FROM + 60 * $MINUTES });
    my $html = slurp('t/browser/dashboard.html') =~ s/\bDATA\b/$data/r;
    my $height = 400;
    for (1, 2) {
        my $p = VcitaFlow::Code::chromium()->page(viewport => { width => 1210, height => $height });
        $p->goto('data:text/html;charset=utf-8,' . VcitaFlow::escape($html));
        VcitaFlow::is(join("\n", $p->complaints), '', 'drawn');
        $height = $p->evaluate('document.body.offsetHeight');
        next if $_ == 1;
        $p->scheme($_), $p->picture("$name-$_") for qw( light dark );
    }
}

if (!grep { -x "$_/prometheus" } split /:/, $ENV{PATH}) {
    plan(skip_all => 'no Prometheus here: tools/deps.sh screenshots');
}

run_tests();

__DATA__

=== TEST 1: the dashboard: Prometheus has an answer to each query, and it tells what happened
--- gate
vcita_oauth_rate off;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /staff { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; proxy_pass $VCITA_APP; }
location /zone/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/zone/callback;
    vcita_oauth_cookie_name zone;
    vcita_oauth_session_store zone=sessions:1m;
    proxy_pass $VCITA_APP;
}
location /redis/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/redis/callback;
    vcita_oauth_cookie_name redis;
    vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
    proxy_pass $VCITA_APP;
}
location = /status { vcita_oauth_status; }
--- flow
VcitaRedis->fresh;
my $text = '';
for my $minute (0 .. 120) {
    my $down = $minute >= 40 && $minute < 52;
    stub->always({ token => $down ? { status => 500, body => 'down' } : {} }) if $minute == 40 || $minute == 52;

    # people: more and fewer; one in a while says no, and a few are refused
    for my $n (1 .. (2, 3, 4, 3, 2, 1, 1)[ $minute / 10 % 7 ]) {
        my $path = $n > 3 ? '/zone/' : $n > 2 ? '/redis/' : '/';
        my $b = browser();
        $b->get($path);
        if ($n == 2 && $minute % 9 == 0) { $b->get($b->callback_url(error => 'access_denied')); next }
        $b->follow;
        next if $down;
        $b->get($path) for 1 .. $n;
        $b->get('/staff') if $n == 1 && $minute % 6 == 0;
    }

    # a health check each minute, and a robot for half an hour
    browser(headers => [ Accept => '*/*' ])->get('/') for 1 .. ($minute >= 75 && $minute < 105 ? 9 : 1);
    $text .= scrape($minute);
}

my $prometheus = prometheus($text);
my @panels = @{ dashboard()->{panels} };
my %shows;
for my $p (@panels) {
    $p->{series} = [ map { $prometheus->series($_) } @{ $p->{targets} // [] } ];
    $shows{ $p->{title} }{ $_->{name} } = $_->{points} for @{ $p->{series} };
}
is join(', ', grep { !$shows{$_} } map { $_->{title} } grep { $_->{type} ne 'row' } @panels), '', 'each panel shows something';

my $most = sub { my ($title, $name) = @_; (sort { $b <=> $a } map { $_->[1] } @{ $shows{$title}{$name} })[0] };
my $logins = 'Logins started and finished, per second';
cmp_ok $most->($logins, 'sent to vcita: program'), '>', 0.1, 'the robot';
cmp_ok $most->($logins, 'sent to vcita: browser'), '<', 0.1, 'is no browser';
cmp_ok $most->('Failed logins per second, by reason', 'bad_token_response'), '>', 0, 'vcita was down';
cmp_ok $shows{'Logins that succeed'}{''}[0][1], '>', 0.8, 'and came back';
is $most->('Redis session stores', 'redis://redis.example.com'), 1, 'Redis was not';
draw('dashboard', grep { $_->{gridPos}{y} < 24 && $_->{title} ne 'Calls to vcita' } @panels);
--- error_log
vcita
