# Thousands of logins on one worker: what they cost is given back.
#
# Of a small size here; tools/soak.sh runs it in full.

use lib 't/lib';

our %soak;

BEGIN {
    %soak = (logins => 600, mark => 200, aborted => 600, map { split /=/ } split ' ', $ENV{VCITA_SOAK} // '');
}

use VcitaTest;

my $BATCH = 50;

# so many logins from the first page to the last, all at once; how many ended at their page
sub VcitaFlow::Code::log_in {
    my ($n) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add(VcitaBrowser->new, GET => VcitaFlow::url("/page?of=$_"), follow => 1) for 1 .. $n;
    return scalar grep { $_->status == 200 && $_->body =~ /alice\@example\.biz/ } $crowd->run;
}


# so many logins that are given up while vcita is asked: for the token, or who it is
sub VcitaFlow::Code::give_up {
    my ($n) = @_;
    my @browsers = map { VcitaBrowser->new } 1 .. $n;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => VcitaFlow::url('/')) for @browsers;
    $crowd->run;

    $crowd = VcitaFlow::crowd();
    for (0 .. $#browsers) {
        my $code = VcitaStub::stub_code({ ($_ % 2 ? 'token' : 'userinfo') => { hang => 1 } });
        $crowd->add($browsers[$_], GET => $browsers[$_]->callback_url(code => $code));
    }
    $crowd->start;
    $crowd->until(sub { VcitaFlow::stub()->exchanges == $n && VcitaFlow::stub()->requests('/oauth/userinfo') >= $n / 2 }, 20,
        'vcita to have them all');
    $crowd->abort(0 .. $n / 2 - 1);
    $crowd->abort_all(reset => 1);
    VcitaFlow::wait_for(sub { VcitaFlow::stub()->exchanges == 0 }, 20, 'them to be cancelled');
    VcitaFlow::stub()->reset;
    return $n;
}


# does something in batches, until so many are done
sub VcitaFlow::Code::in_batches {
    my ($n, $do) = @_;
    my $done = 0;
    for (my $i = 0; $i < $n; $i += $BATCH) {
        $done += $do->($n - $i < $BATCH ? $n - $i : $BATCH);
    }
    VcitaFlow::stub()->reset;
    return $done;
}

sub VcitaFlow::Code::soak { return @soak{qw( logins mark aborted )} }

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: logins and aborted logins on one worker: memory does not grow, descriptors return to the start value
--- log_level: warn
--- gate
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_pass $VCITA_APP;
}
--- flow
my ($logins, $mark, $aborted) = soak;
my $pid = nginx_pid;

is log_in(1), 1, 'a first login';
my $fds = nginx_fds;

is in_batches($mark, \&log_in), $mark, 'logins before the mark';
my $rss = nginx_rss($pid);
is in_batches($logins - $mark, \&log_in), $logins - $mark, 'logins after the mark';
my $after = nginx_rss($pid);
is in_batches($aborted, \&give_up), $aborted, 'aborted logins';
my $end = nginx_rss($pid);

# before a thousand logins the heap has not settled, with OpenSSL 3.5 least of all
my $limit = $mark < 1000 ? 4096 : 2048;
cmp_ok $end - $rss, '<', rss_limit($limit), "memory does not grow by $limit KiB";
wait_for { nginx_fds() <= $fds } 10, 'descriptors to be back at their start value';
is nginx_pid, $pid, 'it was one worker';
is log_in(1), 1, 'and it still does its work';

note "soak: $logins logins, then $aborted that were given up";
note "soak: resident memory: $rss KiB after $mark logins, $after KiB after $logins, $end KiB at the end: " . ($end - $rss) . ' KiB more';
note "soak: descriptors: $fds after the first login, " . nginx_fds . ' at the end';
