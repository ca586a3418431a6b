# examples/monitoring: what Prometheus and Grafana are given, checked by promtool and against the status page.

use lib 't/lib';
use VcitaTest;

use Cwd ();
use File::Copy ();
use File::Temp ();
use JSON::PP ();

repeat_each(1);

# where they are; tools/mutants.sh tests its own
my $Folder = Cwd::abs_path(($ENV{VCITA_EXAMPLES} // 'examples') . '/monitoring');
my @Files = qw( scrape.yml vcita-oauth.rules.yml vcita-oauth.test.yml );

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

# what promtool says of the files, of which the rules may have been changed
sub promtool {
    my ($command, $rules) = @_;
    my $dir = File::Temp->newdir;
    File::Copy::copy("$Folder/$_", "$dir/$_") or die "$_: $!\n" for @Files;
    if (defined $rules) {
        open my $fh, '>', "$dir/vcita-oauth.rules.yml" or die "$dir: $!\n";
        print $fh $rules;
        close $fh or die "$dir: $!\n";
    }
    my $said = `cd $dir && promtool $command 2>&1`;
    die "promtool does not run: $?\n" if $? == -1 || $? >> 8 == 127;
    return ($? == 0, $said);
}

sub VcitaFlow::Code::agrees {
    my ($command, $rules, $name) = @_;
    my ($ok, $said) = promtool($command, $rules);
    return VcitaFlow::ok($ok, $name // "promtool $command") || VcitaFlow::diag($said);
}

sub VcitaFlow::Code::promtool { return promtool(@_) }
sub VcitaFlow::Code::file { return slurp("$Folder/$_[0]") }

# name -> text of each alert
sub VcitaFlow::Code::alerts {
    my ($text) = @_;
    return $text =~ /^ +- alert: (\w+)\n(.*?)(?=^ +- alert:|\z)/msg;
}

# name -> expression of each alert, and of each panel with Grafana's variables filled in
sub alert_exprs {
    my %alert = VcitaFlow::Code::alerts(slurp("$Folder/vcita-oauth.rules.yml"));
    return map { ($_ => $alert{$_} =~ /^ +expr: \|\n((?: {10,}.*\n)+)/m ? $1 : die "$_: no expr\n") } keys %alert;
}

sub VcitaFlow::Code::dashboard { return JSON::PP->new->decode(slurp("$Folder/vcita-oauth.dashboard.json")) }

sub panel_exprs {
    my %is;
    for my $p (@{ VcitaFlow::Code::dashboard()->{panels} }) {
        $is{"$p->{title} $_->{refId}"} = $_->{expr} for @{ $p->{targets} || [] };
    }
    s/\$__rate_interval/5m/g, s/\$__range/1h/g, s/\$(?:job|instance)\b/.+/g for values %is;
    return %is;
}

sub VcitaFlow::Code::exprs { return (alert_exprs(), panel_exprs()) }
sub VcitaFlow::Code::panel_exprs { return panel_exprs() }

# the status page: metric -> label -> value -> 1
sub VcitaFlow::Code::metrics {
    my $text = VcitaFlow::browser()->get('/status')->body;
    my %of;
    for (grep { !/^#/ } split /\n/, $text) {
        my ($name, $labels) = /^(\w+)(?:\{(.*)\})? / or die "a line: $_\n";
        $of{$name} ||= {};
        $of{$name}{$1}{$2} = 1 while ($labels // '') =~ /(\w+)="([^"]*)"/g;
    }
    return \%of;
}

add_block_preprocessor(sub { $_[0]->set_value(config => ' ') if !defined $_[0]->config });

run_tests();

__DATA__

=== TEST 1: promtool check config, check rules, test rules
--- flow
agrees('check config scrape.yml');
agrees('check rules vcita-oauth.rules.yml');
agrees('test rules vcita-oauth.test.yml');


=== TEST 2: each alert has a test in which it fires and one in which it keeps quiet, which would notice
--- flow
my $rules = file('vcita-oauth.rules.yml');
my %alert = alerts($rules);
cmp_ok scalar(keys %alert), '>=', 10, 'alerts: ' . keys %alert;
my @tests = file('vcita-oauth.test.yml') =~ /^ +name: "?(.*?)"?$/mg;
my %has;
for (@tests) { $has{$1}{$2} = 1 if /^(\w+) (fires|keeps quiet)/ }
for my $name (sort keys %alert) { ok $has{$name}{$_}, "$name: a test in which it $_" for 'fires', 'keeps quiet' }

for (['always fire', 'vector(1)', 'keeps quiet: '], ['never fire', 'vector(1) > 2', 'fires$']) {
    my ($how, $expr, $of) = @$_;
    (my $text = $rules) =~ s/^ +expr: \|\n(?: {10,}.*\n)+/        expr: $expr\n/mg;
    agrees('check rules vcita-oauth.rules.yml', $text, "rules that $how");
    my ($ok, $said) = promtool('test rules vcita-oauth.test.yml', $text);
    my %failed = map { $_ => 1 } $said =~ /^ +name: (.*),$/mg;
    my @slept = grep { /$of/ && !$failed{$_} } @tests;
    is join("\n", @slept), '', "each test notices rules that $how";
}


=== TEST 3: each alert names its entry in docs/operations.md, which has all its parts
--- flow
open my $fh, '<', 'docs/operations.md' or die "operations.md: $!";
my $manual = do { local $/; <$fh> };
my ($alerts) = $manual =~ /^## Alerts\n(.*?)(?=^## |\z)/ms;
my %entry = $alerts =~ /^### (\w+)\n(.*?)(?=^### |\z)/msg;
my %alert = alerts(file('vcita-oauth.rules.yml'));
is join(' ', sort keys %entry), join(' ', sort keys %alert), 'an entry each';
for my $name (sort keys %alert) {
    my ($url) = $alert{$name} =~ m{^ +runbook_url: https://\S+/operations\.md#(\S+)$}m;
    is $url, lc $name, "$name: runbook_url";
    like $alert{$name}, qr/^ +severity: (?:critical|warning)$/m, "$name: severity";
    like $alert{$name}, qr/^ +$_: '.+'$/m, "$name: $_" for qw( summary description );
    like $entry{$name}, qr/^\*\*$_:\*\* \S/m, "$name: $_" for 'Means', 'Look at', 'Do';
}


=== TEST 4: each expression is one, and has metrics, labels and values that the status page has
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /other/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
    vcita_oauth_cookie_name other;
    vcita_oauth_session_store redis://127.0.0.1;
    proxy_pass $VCITA_APP;
}
location = /status { vcita_oauth_status; }
--- flow
my %is = panel_exprs;
cmp_ok scalar(keys %is), '>=', 20, 'expressions of the dashboard: ' . keys %is;
my $text = "groups:\n  - name: dashboard\n    rules:\n";
my $n = 0;
$text .= "      - record: panel:" . $n++ . "\n        expr: " . encode_json([ $is{$_} ]) =~ s/^\[(.*)\]$/$1/sr . "\n" for sort keys %is;
agrees('check rules vcita-oauth.rules.yml', $text, 'promtool check rules of the dashboard');
my ($ok) = promtool('check rules vcita-oauth.rules.yml', $text =~ s/rate \(|rate\(/rates(/r);
ok !$ok, 'as it would';

my $page = metrics;
my %all = exprs;
for my $what (sort keys %all) {
    my $expr = $all{$what};
    my @names = $expr =~ /\b(vcita_oauth_\w+)/g;
    my @unknown = grep { !$page->{$_} } @names;
    is "@unknown", '', "$what: metrics";
    @unknown = ();
    while ($expr =~ /\b(vcita_oauth_\w+)\{([^}]*)\}/g) {
        my ($name, $labels) = ($1, $2);
        while ($labels =~ /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g) {
            my ($label, $values) = ($1, $2);
            next if $label =~ /^(?:job|instance)$/;
            push @unknown, map { "$name $label $_" } grep { !$page->{$name}{$label}{$_} } split /\|/, $values;
        }
    }
    is "@unknown", '', "$what: labels and values";
    @unknown = ();
    for my $label (map { split /\s*,\s*/ } $expr =~ /by \(([^)]*)\)/g) {
        push @unknown, $label if $label !~ /^(?:job|instance)$/ && !grep { $page->{$_}{$label} } @names;
    }
    is "@unknown", '', "$what: labels to sum by";
}

my %used = map { $_ => 1 } map { /\b(vcita_oauth_\w+)/g } values %is;
is join(' ', grep { !$used{$_} } sort keys %$page), '', 'a panel for each metric';


=== TEST 5: the dashboard: a recent schema, a data source to choose, no two panels at one place
--- flow
my $d = dashboard;
cmp_ok $d->{schemaVersion}, '>=', 36, 'schemaVersion';
my %var = map { $_->{name} => $_ } @{ $d->{templating}{list} };
is $var{datasource}{type}, 'datasource', 'a variable for the data source';
is $var{datasource}{query}, 'prometheus', 'of Prometheus';
my (%id, %at);
for my $p (@{ $d->{panels} }) {
    is $id{ $p->{id} }++ // 0, 0, "$p->{title}: its own id";
    my $g = $p->{gridPos};
    cmp_ok $g->{x} + $g->{w}, '<=', 24, "$p->{title}: fits";
    my $free = 1;
    for my $x ($g->{x} .. $g->{x} + $g->{w} - 1) {
        for my $y ($g->{y} .. $g->{y} + $g->{h} - 1) { $free = 0 if $at{"$x $y"}++ }
    }
    ok $free, "$p->{title}: its own place";
    next if $p->{type} eq 'row';
    ok length $p->{description}, "$p->{title}: says what it is";
    is $_->{datasource}{uid}, '${datasource}', "$p->{title}: the data source chosen" for $p, @{ $p->{targets} };
}


=== TEST 6: the title of each panel stands alone: it names its subject, and no other panel has it
--- flow
my %title;
for my $p (@{ dashboard()->{panels} }) {
    next if $p->{type} eq 'row';
    like $p->{title}, qr/\b(?:calls?|keys|logins?|machines|redis|requests|sessions|tokens)\b/i, "$p->{title}: its subject";
    is $title{ $p->{title} }++ // 0, 0, "$p->{title}: no other panel has it";
    is $p->{title} =~ /per second/ ? 1 : 0, ($p->{fieldConfig}{defaults}{unit} // '') =~ /^(?:cps|ops|reqps)$/ ? 1 : 0, "$p->{title}: a rate says so";
    next if @{ $p->{targets} } < 2;
    is scalar(grep { !length($_->{legendFormat} // '') } @{ $p->{targets} }), 0, "$p->{title}: each line has a name";
}
