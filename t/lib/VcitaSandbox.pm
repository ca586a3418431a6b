# VcitaSandbox - the sandbox of examples/sandbox as a child of the test: a real authorization server
# dressed as vcita, over http and https.  It ends with the test, or when the test has died.
#
#   use VcitaSandbox;                              # before VcitaTest
#   use VcitaSandbox rate => 8, lifetime => 1800, first => 1;     # with options; first: before the rest of the machine
#   add_block_preprocessor(sub { VcitaSandbox->gate(shift) });      # blocks' gates are at the sandbox
#   VcitaSandbox->control(POST => 'faults', { endpoint => 'token', kind => 'delay', ms => 200 });
#   VcitaSandbox->control(GET => 'stats');         # the answer, decoded
#   VcitaSandbox->sub_of($token);                  # userinfo's sub, undef for a bad token
#   VcitaSandbox->create(name => 'n', jwks => {});   # one more app of vcita's API: its client_id, and its secret
#   VcitaSandbox->signed_token($token, 'n');       # made with an access token, for the app of that app_code_name
#   use VcitaSandbox people => 1;                  # vcita shows its pages, and waits until they are filled in
#   VcitaSandbox->import(apps => [ {...} ], users => { name => {...} });    # others than the usual ones, as in
#                                                  # --apps-file and --users; without --auto: requests name a person
package VcitaSandbox;

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use HTTP::Tiny ();
use JSON::PP qw( decode_json encode_json );
use POSIX ();
use VcitaLoop ();

my $ID     = 'e0faca0a2bca52368adfd0ac6035c7a5';
my $SECRET = '7d9c2f0a6b1e4c8d9f3a5b7c1d2e4f60';

my ($Pid, $Ready, $Owner, @Files);


sub import {
    my (undef, %opt) = @_;
    return if $Pid;
    my $sandbox = Cwd::abs_path(__FILE__ =~ s{[^/]*$}{}r . '../../examples/sandbox/sandbox.mjs');
    my @who = $opt{apps} ? ('--apps-file', json_file($opt{apps}), '--users', json_file($opt{users}))
            : ('--app', "$ID:$SECRET:" . callback(), ($opt{people} ? '--interactive' : ('--auto', 'alice')));

    pipe my $from, my $to or die "pipe: $!";
    $Pid = fork // die "fork: $!";
    if (!$Pid) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>&', $to;
        delete @ENV{qw( LD_PRELOAD ASAN_OPTIONS LSAN_OPTIONS )};
        if ($opt{first}) { POSIX::setsid(); VcitaLoop::come_first($$) }
        exec 'node', $sandbox, '--http', 0, '--https', 0, '--lifetime', $opt{lifetime} || 900,
             ($opt{rate} ? ('--rate', $opt{rate}) : ()), @who
            or POSIX::_exit(127);
    }
    close $to;
    $Owner = $$;

    local $SIG{ALRM} = sub { die "the sandbox did not start within 60 s\n" };
    alarm 60;
    my $line = <$from>;
    alarm 0;
    defined $line or die "the sandbox ended at its start: is node there, and npm ci done?\n";
    $Ready = decode_json($line);
}


sub json_file {
    my $file = File::Temp->new;
    print $file encode_json($_[0]);
    close $file;
    push @Files, $file;
    return "$file";
}


sub callback { 'http://127.0.0.1:' . ($ENV{TEST_NGINX_PORT} || 1984) . '/oauth/callback' }


# the directives that lead a block's gate to the sandbox; its own come first, $SANDBOX_ISSUER in them
sub gate {
    my (undef, $block) = @_;
    my $own = $block->gate // return;
    my @lines = (
        "vcita_oauth_client_id $ID;",
        "vcita_oauth_client_secret $SECRET;",
        "vcita_oauth_authorize_endpoint $Ready->{http}/app/oauth/authorize;",
        "vcita_oauth_token_endpoint $Ready->{https}/oauth/token;",
        "vcita_oauth_userinfo_endpoint $Ready->{https}/oauth/userinfo;",
        "vcita_oauth_jwks_endpoint $Ready->{https}/v3/apps/.well-known/jwks.json;",
        "vcita_oauth_ssl_trusted_certificate $Ready->{ca};",
    );
    for my $line (@lines) {
        my ($name) = $line =~ /^(\S+)/;
        $own .= "\n$line" unless $own =~ /^\s*(?:no\s+)?\Q$name\E[\s;]/m;
    }
    $own =~ s/\$SANDBOX_ISSUER/$Ready->{https}/g;
    $block->set_value(gate => $own);
}


sub control {
    my (undef, $method, $what, $data) = @_;
    my $answer = HTTP::Tiny->new(timeout => 15)->request($method, "$Ready->{http}/sandbox/$what",
        $data ? { headers => { 'Content-Type' => 'application/json' }, content => encode_json($data) } : {});
    $answer->{success} or die "the sandbox answered $answer->{status} to $method $what\n";
    return length $answer->{content} ? decode_json($answer->{content}) : undef;
}


sub create {
    my (undef, %app) = @_;
    my $code = $app{name} =~ s/[^A-Za-z0-9]+//gr;         # vcita's rules for names
    $app{name} = substr $app{name}, 0, 25;
    my $answer = HTTP::Tiny->new(timeout => 15)->post("$Ready->{http}/platform/v1/apps", {
        headers => { Authorization => 'Bearer sandbox-directory-token', 'Content-Type' => 'application/json' },
        content => encode_json({ app_code_name => $code, redirect_uri => callback(), trusted => \1, %app }),
    });
    $answer->{success} or die "the sandbox created no app: $answer->{status} $answer->{content}\n";
    my $data = decode_json($answer->{content})->{data};
    return wantarray ? @$data{qw( client_id client_secret )} : $data->{client_id};
}


sub signed_token {
    my (undef, $token, $code) = @_;
    my $answer = HTTP::Tiny->new(timeout => 15)->post("$Ready->{http}/v3/apps/compact_jws_tokens", {
        headers => { Authorization => "Bearer $token", 'Content-Type' => 'application/json' },
        content => encode_json({ app_code_name => $code }),
    });
    $answer->{success} or die "the sandbox signed no token: $answer->{status} $answer->{content}\n";
    return decode_json($answer->{content})->{data}{token};
}


# its address over https; 'http', and 'ca': the file of its authority
sub url { $Ready->{ $_[1] // 'https' } }


# to its process: STOP and CONT, say; one that is stopped still ends with the test
sub signal { kill $_[1] => $Pid }


sub sub_of {
    my (undef, $token) = @_;
    my $answer = HTTP::Tiny->new(timeout => 15)->get("$Ready->{http}/oauth/userinfo",
        { headers => { Authorization => "Bearer $token" } });
    return $answer->{success} ? decode_json($answer->{content})->{sub} : undef;
}


END {
    if ($Pid && $$ == $Owner) {
        my $status = $?;
        kill $_ => $Pid for qw( TERM CONT );
        waitpid $Pid, 0;
        $? = $status;
    }
}

1;
