# VcitaTest - Test::Nginx::Socket set up the project's way, and the sections `gate` and `flow`.
# How to write a test with it: t/lib/README.md.  What a flow can call: VcitaFlow.pm.
package VcitaTest;

use strict;
use warnings;

use Test::More ();
use Test::Nginx::Socket ();              # import() below gives it to the test file
use VcitaCert ();
use VcitaFlow ();
use VcitaLoop ();
use VcitaStub ();

my $Util = 'Test::Nginx::Util';
my ($Stub, $Started, $Finished, %Default, %Flows);

# what `--- gate` stands for; @...@ is filled in
my @GATE = (
    vcita_oauth_client_id          => 'app1',
    vcita_oauth_client_secret      => 's3cret-0123456789abcdef-0123456789',
    vcita_oauth_rate               => 'off',
    vcita_oauth_redirect_uri       => 'http://127.0.0.1:@PORT@/oauth/callback',
    vcita_oauth_authorize_endpoint => '@STUB@/app/oauth/authorize',
    vcita_oauth_token_endpoint     => '@STUB@/oauth/token',
    vcita_oauth_userinfo_endpoint  => '@STUB@/oauth/userinfo',
);


# Everything of Test::Nginx::Socket goes to the caller, who then needs nothing but `use VcitaTest;`.
sub import {
    Test::More::plan('no_plan');

    Test::Nginx::Socket::repeat_each($ENV{VCITA_TEST_REPEAT} || 2);
    Test::Nginx::Socket::no_long_string();
    Test::Nginx::Socket::no_root_location();
    Test::Nginx::Socket::no_shuffle();
    Test::Nginx::Socket::worker_connections(1024);
    Test::Nginx::Socket::timeout(10 * VcitaLoop::scale()) unless $ENV{TEST_NGINX_TIMEOUT};

    Test::Nginx::Socket::add_block_preprocessor(\&prepare);
    Test::Nginx::Socket::add_response_body_check(\&after_request);

    no strict 'refs';
    no warnings 'redefine';

    # each repetition of a block begins here
    my $helper = ${"${Util}::RunTestHelper"};
    ${"${Util}::RunTestHelper"} = sub {
        VcitaFlow::begin($_[0], $_[2]);
        $Stub->reset if $Stub;
        $helper->(@_);
    };

    my $run = \&{"${Util}::run_tests"};
    *{'Test::Nginx::Socket::run_tests'} = sub () {
        $Started = 1;
        my @blocks = part(chosen(Test::Base::blocks()));
        local *Test::Base::blocks = sub { @blocks };
        $run->();
        $Finished = 1;
        for my $flow (sort keys %Flows) {
            Test::More::ok(0, "$flow - the flow ran in each repetition")
                if ($Flows{$flow}{runs} || 0) < $Flows{$flow}{wanted};
        }
    };
    *{'VcitaFlow::stub'} = \&stub;

    @_ = ('Test::Nginx::Socket');
    goto &{ Test::Nginx::Socket->can('import') };
}


# a file that ends early must not pass
END {
    if (!$Finished && !$Test::Nginx::Util::InSubprocess && VcitaFlow::is_owner()) {
        Test::More::ok(0, $Started ? 'run_tests() came to its end' : 'run_tests() was called');
    }
    undef $Stub;
}


# the stand-in for vcita of this file
sub stub { $Stub ||= VcitaStub->start }


# The blocks to run: all, or those whose title has one of the lines of VCITA_TEST_ONLY; a line that begins
# with "t/FILE.t: " is for that file.
sub chosen {
    my @blocks = @_;
    my @only = map { !m{^(t/\S+\.t)(?:: (.*))?$} ? $_ : $1 eq $0 ? $2 // () : () }
               grep { length } split /\n/, $ENV{VCITA_TEST_ONLY} // '';
    return @blocks unless @only;

    for my $text (@only) {
        die "no block of $0 has \"$text\" in its title\n" unless grep { index($_->name, $text) >= 0 } @blocks;
    }
    return grep { my $name = $_->name; grep { index($name, $_) >= 0 } @only } @blocks;
}


# Of a file that runs in two parts: the blocks with a section `alone`, or the others.
sub part {
    my @blocks = @_;
    my $part = $ENV{VCITA_TEST_PART} || return @blocks;
    return grep { ($part eq 'alone') == defined $_->alone } @blocks;
}


# -- before a block --------------------------------------------------------------------------------

sub prepare {
    my ($block) = @_;

    process_settings($block);

    if (defined $block->flow) {
        $block->set_value(request => 'GET /ping') unless defined $block->request
            || defined $block->raw_request || defined $block->pipelined_requests;
        my ($file, $line) = place($block, 'flow');
        my $name = "$0 " . $block->name;
        $block->set_value(flow_place => $file, $line);
        $Flows{$name} = { wanted => defined $block->SKIP || skipped($block) ? 0
                                    : Test::Nginx::Socket::repeat_each() };
    }

    # liveness, and what a probe fetches; `return` comes before any gate
    my $config = $block->config;
    if (defined $config && defined $block->flow && $config !~ m{location\s*=\s*/ping\b}) {
        $block->set_value(config => "location = /ping { access_log off; keepalive_requests 10000000;"
            . " return 200 'pong'; }\n$config");
    }

    $block->set_value(http_config => usual_gate($block->gate) . ($block->http_config // ''))
        if defined $block->gate;

    for my $section (qw( config http_config main_config post_main_config user_files more_headers
                         request error_log no_error_log ))
    {
        my $text = $block->$section;
        $block->set_value($section => expand($text, $block->name))
            if defined $text && !ref $text && $text =~ /\$VCITA_/;
    }

    if (defined $block->must_die) {
        $block->set_value(suppress_stderr => 1) unless $ENV{TEST_NGINX_VERBOSE};
        # expected here; unnamed, Test::Nginx warns about it
        my $log = $block->error_log;
        $block->set_value(error_log => "[emerg]\n$log")
            if defined $log && !ref $log && $log !~ /\[emerg/;
        return;
    }
    if (!defined $block->no_error_log) {
        my $log = $block->error_log;
        my @never = defined $log ? grep { index("$log", $_) < 0 } '[alert]'
                                 : ('[error]', '[alert]', '[crit]');
        $block->set_value(no_error_log => join "\n", @never) if @never;
    }
    # a descriptor left open shows only when the worker exits
    $block->set_value(no_shutdown_error_log => '[alert]')
        unless defined $block->no_shutdown_error_log || defined $block->shutdown_error_log;
}


# `--- workers: 2`, `--- master_on`, `--- worker_connections: 64` of one block; the file's own settings else
sub process_settings {
    my ($block) = @_;
    no strict 'refs';

    my %var = map { $_ => \${"${Util}::$_"} } qw( Workers MasterProcessEnabled WorkerConnections );
    %Default = map { $_ => ${ $var{$_} } } keys %var unless %Default;

    ${ $var{Workers} } = $block->workers // $Default{Workers};
    ${ $var{WorkerConnections} } = $block->worker_connections // $Default{WorkerConnections};
    ${ $var{MasterProcessEnabled} } =
        defined $block->master_on || ($block->workers // 1) > 1 ? 'on' : $Default{MasterProcessEnabled};
}


# skip_nginx and its like decide later: such a block promises no runs
sub skipped {
    my ($block) = @_;
    return grep { defined $block->$_ } qw( skip_nginx skip_nginx2 skip_eval skip_openssl todo todo_nginx
                                           ignore_response must_die );
}


# the usual application, with these directives instead of its own or beside them
sub usual_gate {
    my ($extra) = @_;

    my %own;
    $own{$1} = 1 while $extra =~ /^\s*(?:no\s+)?(vcita_oauth_\w+)/mg;
    $own{$1} = 1 while $extra =~ /;\s*(vcita_oauth_\w+)/g;
    $extra =~ s/^\s*no\s+vcita_oauth_\w+\s*;?[ \t]*$//mg;      # "no <directive>": left out, nothing instead

    my ($out, @default) = ('', @GATE);

    # of all that nginx does at its start, reading the 140 authorities of the system takes longest by far
    push @default, vcita_oauth_ssl_trusted_certificate => '$VCITA_CA';

    # vcita's answers take as much longer as everything else
    push @default, vcita_oauth_connect_timeout => 5 * VcitaLoop::scale() . 's',
                   vcita_oauth_timeout => 10 * VcitaLoop::scale() . 's' if VcitaLoop::scale() > 1;

    while (my ($name, $value) = splice @default, 0, 2) {
        next if $own{$name};
        $value =~ s/\@PORT\@/Test::Nginx::Socket::server_port()/e;
        $value =~ s/\@STUB\@/\$VCITA_STUB/;
        $out .= "$name $value;\n";
    }
    return "$out$extra\n";
}


# $VCITA_... in a section
sub expand {
    my ($text, $name) = @_;
    my %value = (
        STUB => sub { stub()->url }, STUB_TLS => sub { stub()->url_tls }, APP => sub { stub()->app_url },
        CA => sub { VcitaCert->get->{ca} }, CA_OTHER => sub { VcitaCert->get->{ca_other} },
        CERT => sub { VcitaCert->get->{site} }, CERT_KEY => sub { VcitaCert->get->{site_key} },
        SLOW => sub { $ENV{VCITA_OAUTH_SLOW_MODULE} },
    );
    $text =~ s/\$VCITA_([A-Z_]+)/($value{$1} || die "$name: what is \$VCITA_$1?\n")->()/ge;
    return $text;
}


# file and line where a section of a block begins, so that perl's messages point there
sub place {
    my ($block, $section) = @_;
    my ($name, $in, $line) = ($block->name, 0, 0);

    open my $fh, '<', $0 or return ($0, 1);
    while (my $text = <$fh>) {
        if ($text =~ /^===[ \t]*(.*?)\s*$/) { $in = $1 eq $name; next }
        next unless $in;
        if ($line) { return ($0, $.) if $text =~ /\S/ }
        elsif ($text =~ /^--- +\(?\Q$section\E\b/) { $line = 1 }
    }
    return ($0, 1);
}


# -- while nginx runs ------------------------------------------------------------------------------

sub after_request {
    my ($block, $body, $req_idx, $repeated_req_idx, $dry_run) = @_;
    return if $dry_run || $req_idx || !defined $block->flow;
    my $name = $block->name;
    $Flows{$name}{runs}++;
    VcitaFlow::run($name, $block->flow, $block->flow_place);
}


1;
