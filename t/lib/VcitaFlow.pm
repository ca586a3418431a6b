# VcitaFlow - runs the code of a `--- flow` section, and all that such code can call.
# Its Test::More functions put the block's name before each test's name.
package VcitaFlow;

use strict;
use warnings;

use JSON::PP qw( encode_json decode_json );
use Test::More ();
use Test::Nginx::Util ();
use Time::HiRes ();
use VcitaBrowser ();
use VcitaCert ();
use VcitaCrowd ();
use VcitaHttp qw( escape unescape query_param query_string url_split url_join );
use VcitaLoop qw( now scale );
use VcitaProbe ();
use VcitaStub qw( stub_code );

# seconds for one run of a flow, even if it hangs
my $LIMIT = $ENV{VCITA_TEST_LIMIT} || 180;
my $Owner = $$;

my ($Name, $Round, %From, @Browsers, $Checks, $Failed);

sub is_owner { $$ == $Owner }

sub stub;                        # given by VcitaTest: starts it when first needed

# -- running ---------------------------------------------------------------------------------------

# a repetition of a block begins: logs are read from here on
sub begin {
    my ($block, $round) = @_;
    $Round = $round;
    # nginx was started for the first one: its words at the start belong to it
    %From = map { $_ => $round ? -s $_ || 0 : 0 } log_files();
}


sub run {
    my ($name, $code, $file, $line) = @_;
    ($Name, $Checks, $Failed, @Browsers) = ($name, 0, 0);

    # where in the flow a helper died
    my $where = '';
    local $SIG{__DIE__} = sub {
        my ($f, $l) = ('', 0);
        for (my $i = 0; ($f, $l) = (caller $i)[ 1, 2 ]; $i++) {
            if ($f eq $file) { $where = "$file line $l"; last }
        }
        die @_;
    };
    local $SIG{ALRM} = sub { die "the flow took more than $LIMIT s\n" };
    local $SIG{PIPE} = 'IGNORE';

    my $sub = eval "package VcitaFlow::Code; use strict; use warnings; sub {\n"
        . qq{# line $line "$file"\n$code\n}
        . '}';
    my $err = $@;
    if ($sub) {
        alarm $LIMIT * scale();
        eval { $sub->(); 1 } or $err = $@ || 'died';
        alarm 0;
    }
    if ($err) {
        chomp $err;
        $err .= " ($where)" if $where && index($err, $where) < 0;
        $Failed = 1;
        Test::More::ok(0, "$Name - the flow came to its end");
        Test::More::diag($err);
    } elsif (!$Checks) {
        $Failed = 1;
        Test::More::ok(0, "$Name - the flow checked something");
    }
    explain() if $Failed;
    @Browsers = ();
}


# after a failure: what the browsers did, and what nginx said
sub explain {
    for my $b (grep { $_ && $_->answers } @Browsers) {
        Test::More::diag("--- a browser of $Name, repetition " . ($Round + 1) . "\n" . $b->describe);
    }
    my @log = grep { m{^\d{4}/\d\d/\d\d [\d:]+ \[(?!debug)} } split /^/, error_log();
    splice @log, 0, @log - 20 if @log > 20;
    Test::More::diag("--- error log\n" . join '', @log) if @log;
}


# -- what a flow can call --------------------------------------------------------------------------

# Test::More
sub ok ($;$)        { my ($v, $n) = @_;     _test(sub { Test::More::ok($v, $_[0]) }, $n) }
sub is ($$;$)       { my ($g, $e, $n) = @_; _test(sub { Test::More::is($g, $e, $_[0]) }, $n) }
sub isnt ($$;$)     { my ($g, $e, $n) = @_; _test(sub { Test::More::isnt($g, $e, $_[0]) }, $n) }
sub like ($$;$)     { my ($g, $e, $n) = @_; _test(sub { Test::More::like($g, $e, $_[0]) }, $n) }
sub unlike ($$;$)   { my ($g, $e, $n) = @_; _test(sub { Test::More::unlike($g, $e, $_[0]) }, $n) }
sub is_deeply ($$;$) { my ($g, $e, $n) = @_; _test(sub { Test::More::is_deeply($g, $e, $_[0]) }, $n) }
sub cmp_ok ($$$;$)  { my ($g, $o, $e, $n) = @_; _test(sub { Test::More::cmp_ok($g, $o, $e, $_[0]) }, $n) }
sub pass (;$)       { my ($n) = @_; _test(sub { Test::More::pass($_[0]) }, $n) }
sub fail (;$)       { my ($n) = @_; _test(sub { Test::More::fail($_[0]) }, $n) }
sub diag            { Test::More::diag(@_) }
sub note            { Test::More::note(@_) }

sub _test {
    my ($sub, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 3;
    $Checks++;
    my $ok = $sub->("$Name - " . ($name // 'unnamed'));
    $Failed = 1 unless $ok;
    return $ok;
}


# a new browser at the gated server; options of VcitaBrowser, these in each
our %BROWSER;

sub browser {
    my $b = VcitaBrowser->new(base => url(''), ca => VcitaCert->get->{ca}, %BROWSER, @_);
    push @Browsers, $b;
    return $b;
}

# a browser that has logged in at a path, with these claims
sub signed_in {
    my ($path, $claims, %opt) = @_;
    my $b = browser(%opt);
    my $r = $b->get($path);
    die "no login begins at $path: " . $r->status . "\n" if $r->status != 302;
    $r = $b->come_back(code => stub()->prepare({ userinfo => { set => $claims } }));
    die "no login: " . $r->status . "\n" if $r->status != 303;
    return $b;
}

sub crowd { VcitaCrowd->new(@_) }
sub probe { VcitaProbe->start($_[0] // url('/ping'), $_[1]) }

sub port     { Test::Nginx::Util::server_port_for_client() }
sub url      { 'http://127.0.0.1:' . port() . ($_[0] // '/') }
sub rand_port { $Test::Nginx::Util::RandPorts->{"TEST_NGINX_RAND_PORT_$_[0]"} }
sub servroot { $Test::Nginx::Util::ServRoot }
sub round    { $Round }           # 0 or 1: which repetition of the block this is
sub ca       { VcitaCert->get->{ca} }


# the only way to wait: polls every 10 ms, dies with the name after the limit; gives what the block gave
sub wait_for (&@) {
    my ($cond, $seconds, $what) = @_;
    $seconds //= 10;
    my $end = now() + $seconds * scale();
    while (1) {
        my $v = $cond->();
        return $v if $v;
        die 'gave up after ' . $seconds * scale() . ' s waiting for ' . ($what // 'a condition')
            . _caller_line() . "\n" if now() > $end;
        Time::HiRes::sleep(0.01);
    }
}

sub _caller_line { my (undef, $file, $line) = caller 1; return " at $file line $line" }


# -- nginx -----------------------------------------------------------------------------------------

sub log_files { ($Test::Nginx::Util::ErrLogFile, $Test::Nginx::Util::AccLogFile) }

# written since this repetition of the block began; late lines of a request want wait_for
sub error_log  { _log($Test::Nginx::Util::ErrLogFile) }
sub access_log { _log($Test::Nginx::Util::AccLogFile) }

sub _log {
    my ($file) = @_;
    open my $fh, '<', $file or return '';
    my $from = $From{$file} || 0;
    $from = 0 if $from > -s $fh;
    seek $fh, $from, 0;
    local $/;
    return scalar(<$fh>) // '';
}


# the master, or the only process where master_process is off
sub nginx_pid {
    open my $fh, '<', $Test::Nginx::Util::PidFile or die "no pid file: $!\n";
    my ($pid) = <$fh> =~ /(\d+)/;
    return $pid;
}


sub nginx_signal {
    my ($sig) = @_;
    die "SIG$sig wants a master process: --- master_on" . _caller_line() . "\n"
        if $sig =~ /^(?:HUP|USR2|WINCH)$/ && $Test::Nginx::Util::MasterProcessEnabled ne 'on';
    kill $sig => nginx_pid() or die "kill $sig: $!\n";
}


# process ids of the workers, those that are shutting down too
sub nginx_workers {
    my $master = nginx_pid();
    return $master if $Test::Nginx::Util::MasterProcessEnabled ne 'on';
    my @workers = sort { $a <=> $b } grep { (_stat($_))[1] == $master }
        map { m{/(\d+)/stat$} } glob '/proc/[0-9]*/stat';
    return @workers;
}


# HUP, and back when new workers are there; dies if the configuration was refused
sub nginx_reload {
    my %old = map { $_ => 1 } nginx_workers();
    my $log = error_log();
    nginx_signal('HUP');
    wait_for {
        die "reload: $1\n" if substr(error_log(), length $log) =~ /(\[emerg\][^\n]*)/;
        (grep { !$old{$_} } nginx_workers()) >= $Test::Nginx::Util::Workers
    } 15, 'new workers after HUP';
    return keys %old;
}


# open descriptors of all workers together
sub nginx_fds {
    my $n = 0;
    for my $pid (nginx_workers()) {
        opendir my $dir, "/proc/$pid/fd" or next;
        $n += grep { /^\d+$/ } readdir $dir;
    }
    return $n;
}


# resident memory of a process in KiB, and the most it ever was
sub nginx_rss {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/status" or return;
    my %of = map { /^(VmRSS|VmHWM):\s+(\d+) kB/ ? ($1 => $2) : () } <$fh>;
    return wantarray ? @of{qw( VmRSS VmHWM )} : $of{VmRSS};
}


# Calls a sub with each piece of memory that a process may write to, as a core dump would have it: of its own ('p'), or
# shared with others ('s').
sub nginx_memory {
    my ($pid, $kind, $call) = @_;
    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!";
    for (<$maps>) {
        my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) rw-$kind/ or next;
        no warnings 'portable';
        my $size = hex($to) - hex $from;
        next if $size > 1 << 30;                # a sanitizer's own, terabytes
        sysseek $mem, hex $from, 0;
        sysread $mem, my $bytes, $size or next;
        $call->($bytes);
    }
}


# what may be kept: sanitizers and valgrind hold on to what was freed
sub rss_limit { $_[0] * ($ENV{ASAN_OPTIONS} || $ENV{TEST_NGINX_USE_VALGRIND} ? 100 : 1) }


# (state, parent) of a process
sub _stat {
    open my $fh, '<', "/proc/$_[0]/stat" or return ('', -1);
    return scalar(<$fh> // '') =~ /\) (\S) (\d+)/ ? ($1, $2) : ('', -1);
}


# -- into the flow's own package -------------------------------------------------------------------

{
    no strict 'refs';
    for (qw( ok is isnt like unlike is_deeply cmp_ok pass fail diag note
             browser signed_in crowd probe stub stub_code port rand_port url servroot round ca wait_for
             error_log access_log nginx_pid nginx_signal nginx_reload nginx_workers nginx_fds nginx_rss nginx_memory rss_limit
             encode_json decode_json escape unescape query_param query_string url_split url_join ))
    {
        # stub is defined later, so by name; prototypes as they are
        *{"VcitaFlow::Code::$_"} = $_ eq 'stub' ? sub { VcitaFlow::stub() } : \&{"VcitaFlow::$_"};
    }
}


1;
