%% One expression that a broker evaluates about itself. It prints `mqctl:` and the base64 of a JSON object.
%% Runs on RabbitMQ 3.8 to 4.x: what a version lacks is null, and nothing here changes anything.
Try = fun(F) -> try F() catch _:_ -> null end end,
Has = fun(M, F, A) -> code:ensure_loaded(M), erlang:function_exported(M, F, A) end,
Text = fun(X) when is_atom(X) -> atom_to_binary(X, utf8);
          (X) when is_binary(X) -> X;
          (X) -> try unicode:characters_to_binary(X) of B when is_binary(B) -> B;
                     _ -> iolist_to_binary(io_lib:format("~0p", [X]))
                 catch _:_ -> iolist_to_binary(io_lib:format("~0p", [X])) end
       end,
Texts = fun(Xs) -> [Text(X) || X <- Xs] end,
Running = Try(fun() -> rabbit:is_running() end) =:= true,
%% Khepri (4.x) knows no RAM nodes and no partitions; Mnesia's functions crash or mislead there.
Khepri = Has(rabbit_khepri, is_enabled, 0) andalso Try(fun() -> rabbit_khepri:is_enabled() end) =:= true,
Members = Try(fun() ->
  Texts(case Has(rabbit_nodes, list_members, 0) of
    true -> rabbit_nodes:list_members();
    false -> rabbit_mnesia:cluster_nodes(all)
  end) end),
Up = Try(fun() ->
  Texts(case Has(rabbit_nodes, list_running, 0) of
    true -> rabbit_nodes:list_running();
    false -> rabbit_mnesia:cluster_nodes(running)
  end) end),
Disc = case Khepri of true -> Members; false -> Try(fun() -> Texts(rabbit_mnesia:cluster_nodes(disc)) end) end,
Ram = case Khepri of true -> []; false -> Try(fun() -> Texts(rabbit_mnesia:cluster_nodes(ram)) end) end,
Apart = case Khepri of true -> []; false -> Try(fun() -> Texts(rabbit_node_monitor:partitions()) end) end,
Alarm = fun({{resource_limit, What, Node}, _}) -> <<(Text(What))/binary, " on ", (Text(Node))/binary>>;
           ({What, _}) -> Text(What);
           (What) -> Text(What) end,
Alarms = Try(fun() -> [Alarm(A) || A <- rabbit_alarm:get_alarms()] end),
%% Messages and consumers cost a call to the queue's own process, so only its leader's broker asks, and a queue that
%% hangs must not hang this: whoever has not answered after 3 s stays unknown.
Counts = fun(Queues) ->
  Self = self(), Tag = make_ref(),
  {Worker, Monitor} = spawn_monitor(fun() ->
    lists:foreach(fun(Q) ->
      Info = try rabbit_amqqueue:info(Q, [messages, consumers, state]) catch _:_ -> [] end,
      Self ! {Tag, amqqueue:get_name(Q), maps:from_list(Info)}
    end, Queues) end),
  Timer = erlang:send_after(3000, self(), {Tag, enough}),
  Collect = fun Next(Seen) -> receive
    {Tag, enough} -> exit(Worker, kill), erlang:demonitor(Monitor, [flush]), Seen;
    {Tag, Name, Info} -> Next(Seen#{Name => Info});
    {'DOWN', Monitor, process, Worker, _} ->
      erlang:cancel_timer(Timer), Rest = fun Drain(S) ->
        receive {Tag, enough} -> Drain(S); {Tag, N, I} -> Drain(S#{N => I}) after 0 -> S end end,
      Rest(Seen)
  end end,
  Collect(#{})
end,
Leader = fun(Q) -> case amqqueue:get_pid(Q) of
  Pid when is_pid(Pid) -> node(Pid);
  {_, Node} when is_atom(Node) -> Node;
  _ -> none
end end,
Type = fun(Q) -> case amqqueue:get_type(Q) of
  rabbit_classic_queue -> <<"classic">>; classic -> <<"classic">>;
  rabbit_quorum_queue -> <<"quorum">>; quorum -> <<"quorum">>;
  rabbit_stream_queue -> <<"stream">>; stream -> <<"stream">>;
  Other -> Text(Other)
end end,
Pids = fun(Function, Q) -> case Has(amqqueue, Function, 1) of
  true -> Try(fun() -> [node(P) || P <- amqqueue:Function(Q)] end);
  false -> []
end end,
Followers = fun(Q) -> Try(fun() ->
  Nodes = maps:get(nodes, amqqueue:get_type_state(Q), []),
  case is_map(Nodes) of true -> maps:keys(Nodes); false -> Nodes end -- [Leader(Q)]
end) end,
Nodes = fun(Function, Q) -> Found = case Type(Q) of
  <<"classic">> -> Pids(Function, Q);
  _ -> case Function of get_slave_pids -> Followers(Q);
    _ -> [N || N <- case Followers(Q) of null -> []; Ns -> Ns end, lists:member(N, nodes())] end
end, case Found of null -> null; _ -> Texts(lists:usort(Found)) end end,
Plain = fun Plain(M) when is_map(M) -> maps:map(fun(_, V) -> Plain(V) end, M);
            Plain([{_, _} | _] = L) -> maps:from_list([{Text(K), Plain(V)} || {K, V} <- L]);
            Plain(L) when is_list(L) -> [Plain(X) || X <- L];
            Plain(X) -> X end,
Definition = fun(Q) -> case Try(fun() -> rabbit_policy:effective_definition(Q) end) of
  D when is_map(D) -> Plain(D); [{_, _} | _] = D -> Plain(D); _ -> #{} end end,
Policy = fun(Q) -> case Try(fun() -> rabbit_policy:name(Q) end) of
  P when is_binary(P), P =/= <<>> -> P; _ -> null end end,
Describe = fun(Q, Counted) ->
  {resource, Vhost, queue, Name} = amqqueue:get_name(Q),
  Lead = Leader(Q),
  Info = maps:get(amqqueue:get_name(Q), Counted, #{}),
  Number = fun(Key) -> case maps:get(Key, Info, null) of N when is_integer(N) -> N; _ -> null end end,
  #{vhost => Vhost, name => Name, type => Type(Q), durable => amqqueue:is_durable(Q),
    exclusive => is_pid(amqqueue:get_exclusive_owner(Q)),
    leader => case lists:member(Lead, [node() | nodes()]) of true -> Text(Lead); false -> null end,
    mirrors => Nodes(get_slave_pids, Q), synchronised => Nodes(get_sync_slave_pids, Q),
    policy => Policy(Q), effective_definition => Definition(Q),
    messages => Number(messages), consumers => Number(consumers),
    state => case maps:get(state, Info, null) of
      null -> Text(amqqueue:get_state(Q)); {syncing, _} -> <<"syncing">>;
      S when is_atom(S) -> Text(S); _ -> <<"running">> end}
end,
%% Those whose only copy is on a broker that is down are in no other list.
Down = fun() -> lists:append([rabbit_amqqueue:list_down(V) || V <- rabbit_vhost:list_names()]) end,
Queues = case Running of false -> []; true -> Try(fun() ->
  Known = rabbit_amqqueue:list(),
  All = case Try(Down) of null -> Known; Missing -> Known ++ Missing end,
  Counted = Counts([Q || Q <- All, Leader(Q) =:= node()]),
  [Describe(Q, Counted) || Q <- All]
end) end,
%% The export leaves internal exchanges out, yet they can be declared: they are added to it.
Internal = fun() ->
  Keys = [name, type, durable, auto_delete, internal, arguments],
  Infos = [maps:from_list(rabbit_exchange:info(X, Keys)) || X <- rabbit_exchange:list()],
  [I#{name => N, vhost => V, arguments => rabbit_misc:amqp_table(A)}
   || #{internal := true, name := {resource, V, exchange, N}, arguments := A} = I <- Infos,
      binary:longest_common_prefix([N, <<"amq.">>]) < 4]
end,
%% The export of 3.8 loses the arguments of bindings.
Bindings = fun() ->
  [#{source => S, vhost => V, destination => D, destination_type => T, routing_key => K,
     arguments => rabbit_misc:amqp_table(A)}
   || {binding, {resource, V, exchange, S}, K, {resource, _, T, D}, A} <- rabbit_binding:list_explicit()]
end,
Whole = fun(D) ->
  Key = case maps:is_key(exchanges, D) of true -> exchanges; false -> <<"exchanges">> end,
  All = D#{Key => maps:get(Key, D, []) ++ Internal()},
  case Has(rabbit_binding, list_explicit, 0) andalso Try(Bindings) of
    Found when is_list(Found) -> All#{case Key of exchanges -> bindings; _ -> <<"bindings">> end => Found};
    _ -> All
  end
end,
%% An upstream set makes the export of 3.10 crash (badarg, in runtime_parameter_definition): its parts do not.
Parts = fun() ->
  {ok, Vsn} = application:get_key(rabbit, vsn),
  D = rabbit_definitions,
  Parameters = [maps:update_with(value, Plain, maps:from_list(P)) || P <- rabbit_runtime_parameters:list()],
  #{rabbit_version => Text(Vsn), users => D:list_users(), vhosts => D:list_vhosts(),
    permissions => D:list_permissions(), topic_permissions => D:list_topic_permissions(),
    parameters => [P || #{component := C} = P <- Parameters, C =/= <<"policy">>, C =/= <<"operator_policy">>],
    global_parameters => D:list_global_runtime_parameters(), policies => D:list_policies(),
    exchanges => D:list_exchanges(), queues => D:list_queues(), bindings => D:list_bindings()}
end,
Export = fun() -> case Try(fun() -> rabbit_definitions:all_definitions() end) of
  null -> Parts(); Exported -> Exported end end,
Definitions = case Running andalso Has(rabbit_definitions, all_definitions, 0) of
  true -> Try(fun() -> Whole(Export()) end); false -> null end,
%% The links that this broker itself runs; their URIs stay here. null: a plugin runs and does not tell.
Told = fun(App, Module) ->
  Loaded = Has(Module, status, 0) andalso lists:keymember(App, 1, application:which_applications()),
  case Loaded of true -> Module:status(); false -> [] end end,
Why = fun(E) -> Text(lists:sublist(lists:flatten(io_lib:format("~0tp", [E])), 500)) end,
Federated = fun(L) ->
  Get = fun(K) -> proplists:get_value(K, L) end,
  Kind = Get(type),
  #{kind => Text(Kind), vhost => Text(Get(vhost)), name => Text(Get(Kind)), upstream => Text(Get(upstream)),
    state => Text(Get(status)), error => case Get(error) of undefined -> null; E -> Why(E) end}
end,
Shovelled = fun(S) ->
  {State, Reason} = case element(3, S) of
    {terminated, R} -> {<<"terminated">>, Why(R)};
    I when is_tuple(I) -> {Text(element(1, I)), null};
    I -> {Text(I), null} end,
  {Kind, Vhost, Name} = case element(1, S) of
    {V, N} -> {<<"shovel">>, Text(V), Text(N)};
    N -> {<<"static shovel">>, <<>>, Text(N)} end,
  #{kind => Kind, vhost => Vhost, name => Name, upstream => <<>>, state => State, error => Reason}
end,
Links = case Running of false -> null; true -> Try(fun() ->
  [Federated(L) || L <- Told(rabbitmq_federation, rabbit_federation_status)]
    ++ [Shovelled(S) || S <- Told(rabbitmq_shovel, rabbit_shovel_status)] end) end,
Drained = Has(rabbit_maintenance, is_being_drained_local_read, 1)
  andalso Try(fun() -> rabbit_maintenance:is_being_drained_local_read(node()) end) =:= true,
Flags = case Running of false -> null; true -> Try(fun() ->
  Texts(lists:sort(maps:keys(rabbit_feature_flags:list(disabled, stable)))) end) end,
Answer = #{
  running => Running,
  node => Text(node()),
  version => Try(fun() -> {ok, V} = application:get_key(rabbit, vsn), Text(V) end),
  erlang => Try(fun() -> Text(rabbit_misc:otp_release()) end),
  cluster_name => case Running of true -> Try(fun() -> Text(rabbit_nodes:cluster_name()) end); false -> null end,
  members => Members, running_members => Up, disc_members => Disc, ram_members => Ram,
  partitions => Apart, alarms => Alarms,
  enabled_plugins => Try(fun() -> Texts(lists:sort(rabbit_plugins:active())) end),
  queues => Queues, definitions => Definitions, links => Links, maintenance => Drained,
  disabled_flags => Flags
},
io:put_chars(["mqctl:", base64:encode(iolist_to_binary(rabbit_json:encode(Answer))), "\n"]),
ok.
