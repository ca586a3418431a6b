# VcitaSite - an operator's gated site under test: its nginx.conf, with a stand-in for vcita (examples/sandbox) and
# one for his application.  How to use it: docs/testing.md; the file to begin with: examples/testing/site.t.
#
#   use VcitaSite conf => 'nginx.conf', people => { insider => {...}, outsider => {...} };
#
# Options: conf (a file, or a list of files), people (whom vcita knows: what userinfo says of them), paths (where
# folders of the configuration are here), hosts (names that server_name does not tell), any other: site() gives it.
# A flow can call, beside what VcitaFlow has: visitor, sign_in, deny, at_vcita, told, received, fault, site.
package VcitaSite;

use strict;
use warnings;

use Cwd ();

my ($Conf, %Option, @Sections);

# What vcita does wrong, by name: faults of the sandbox (examples/sandbox/README.md).  A member that fault() is
# given, as in fault('vcita_slow', ms => 3000), goes to each.
my $REFUSES = sub { (kind => 'status', status => $_[0], content_type => 'application/json', body => qq({"error":"$_[1]"})) };
my %FAULT = (
    vcita_down        => [],                              # connections are refused: see fault()
    vcita_drops       => [ both(kind => 'reset') ],
    vcita_hangs       => [ both(kind => 'hang') ],
    vcita_slow        => [ both(kind => 'delay', ms => 1000) ],
    vcita_error       => [ both(kind => 'status', status => 500) ],
    too_many_requests => [ both(kind => 'status', status => 429, retry_after => 1, count => 1) ],
    garbage           => [ both(kind => 'garbage') ],
    truncated         => [ both(kind => 'truncate') ],
    invalid_grant     => [ { endpoint => 'token', $REFUSES->(400, 'invalid_grant') } ],
    invalid_client    => [ { endpoint => 'token', $REFUSES->(401, 'invalid_client') } ],
    userinfo_down     => [ { endpoint => 'userinfo', kind => 'reset' } ],
    token_revoked     => [ { endpoint => 'userinfo', $REFUSES->(401, 'invalid_token') } ],
);

sub both { my @fault = @_; return map { { endpoint => $_, @fault } } qw( token userinfo ) }


sub import {
    my ($class, %opt) = @_;
    my $caller = caller;
    my @files = ref $opt{conf} ? @{ $opt{conf} } : $opt{conf} // die "use VcitaSite conf => 'nginx.conf';\n";
    %Option = (people => {}, %opt);

    # before Test::Nginx looks at them
    $ENV{TEST_NGINX_LOAD_MODULES} //= module();
    $ENV{TEST_NGINX_SERVROOT} //= Cwd::getcwd() . '/servroot';

    require VcitaSandbox;
    require VcitaSiteConf;
    require VcitaTest;
    $Conf = VcitaSiteConf->new(files => \@files, map { $opt{$_} ? ($_ => $opt{$_}) : () } qw( paths hosts ));
    VcitaSandbox->import(apps => $Conf->apps, users => $Option{people});

    eval "package $caller; VcitaTest->import; 1" or die $@;
    Test::Nginx::Socket::repeat_each(1);
    Test::Nginx::Socket::add_block_preprocessor(\&prepare);

    no strict 'refs';
    *{"VcitaFlow::Code::$_"} = \&$_ for qw( visitor sign_in deny at_vcita told received fault site );
}


# as `make` has built it, or as it was installed
sub module {
    my $name = 'ngx_http_vcita_oauth_module.so';
    my $built = Cwd::abs_path(__FILE__ =~ s{[^/]*$}{}r . '../..') . "/build/$name";
    return $built if -e $built;

    my ($folder) = `@{[ $ENV{TEST_NGINX_BINARY} || 'nginx' ]} -V 2>&1` =~ /--modules-path=(\S+)/;
    return "$folder/$name" if $folder && -e "$folder/$name";
    die "no $name: run make, or name it in TEST_NGINX_LOAD_MODULES\n";
}


# each block runs with the site, and a vcita without faults
sub prepare {
    my ($block) = @_;
    if (!@Sections) {
        my @said;
        (@Sections[ 0, 1 ], @said) = $Conf->changed(
            vcita => { map { $_ => VcitaSandbox->url($_) } qw( http https ca ) }, app => VcitaTest::stub()->app_url);
        Test::More::note(join "\n", 'the configuration is changed for the test:', @said);
    }
    $block->set_value(main_config => $Sections[0]);
    $block->set_value(http_config => $Sections[1]);
    $block->set_value(config => '');
    $block->set_value(flow => join ' ', 'fault();', $block->flow // die $block->name, ": it has no flow\n");
}


# nginx says why it does not start, but not on the terminal
END {
    if ($? && open my $log, '<', $Test::Nginx::Util::ErrLogFile // '') {
        my %seen;
        my @said = grep { s/^[^[]*// && !$seen{$_}++ } grep { /\[emerg\]/ } <$log>;
        Test::More::diag("nginx did not start:\n@said") if @said;
    }
}


# -- what a flow can call --------------------------------------------------------------------------

sub site { return $Option{ $_[0] } // die "use VcitaSite ..., $_[0] => ...\n" }


# a browser at the site, or at another host of it; it comes by the addresses that people use
sub visitor {
    my ($home, %opt) = @_;
    my @ports = $Conf->ports;
    my %resolve;

    for my $name ($Conf->names) {
        for my $n (0 .. $#ports) {
            my $port = VcitaFlow::rand_port($n + 1);
            @resolve{ "$name:$ports[$n]", "$name:$port" } = ("127.0.0.1:$port") x 2;
        }
    }
    return VcitaFlow::browser(base => $home // $Conf->home, resolve => \%resolve, modern => 1, %opt);
}


# opens a page and, where vcita asks, signs in there as one of the people; the last answer
sub sign_in {
    my ($b, $page, $who) = @_;
    $Option{people}{$who} or die "\"people\" has no \"$who\"\n";
    return at_vcita_says($b, $page, "sandbox_user=$who");
}

# the same, and does not allow it
sub deny { my ($b, $page) = @_; return at_vcita_says($b, $page, 'sandbox_deny=1') }

sub at_vcita_says {
    my ($b, $page, $answer) = @_;
    my $r = $b->get($page);

    for (1 .. 20) {
        my (undef, $url) = $b->next_hop or return $r;
        $r = at_vcita($r) ? $b->get("$url&$answer") : $b->hop;
    }
    die "sign_in: more than 20 redirects:\n" . $b->describe;
}


# does this answer send the browser to vcita?
sub at_vcita {
    my ($r) = @_;
    return index($r->location // '', VcitaSandbox->url('http') . '/app/oauth/authorize?') == 0;
}


# what the application was told in a request: its headers, by names in lower case; dies if it was not asked
sub told {
    my ($r) = @_;
    my $seen = eval { $r->json } or die 'told: no answer of the application: ' . $r->status . "\n";
    return { map { lc $_->[0] => $_->[1] } @{ $seen->{headers} } };
}

# how many requests have come to the application in this block
sub received { return scalar(my @all = VcitaFlow::stub()->app_requests) }


# from now on, vcita misbehaves; without a name, no more
sub fault {
    my ($name, %more) = @_;
    VcitaSandbox->control(DELETE => 'faults');
    VcitaSandbox->control(POST => 'up');
    return if !defined $name;

    my $faults = $FAULT{$name} or die "no fault \"$name\"; there are: @{[ sort keys %FAULT ]}\n";
    return VcitaSandbox->control(POST => 'down') if $name eq 'vcita_down';
    VcitaSandbox->control(POST => 'faults', [ map { { %$_, %more } } @$faults ]);
}


1;
